"""What the command lines of the tools have in common.

A tool reads its command line before it imports PyTorch and OpenMMLab, which
takes seconds: --help and mistakes are answered at once. So this file imports
neither, nor mmconvnextv2, which does.
"""
import argparse


def setting(text: str) -> str:
    """Check a KEY=VALUE; ``mmconvnextv2.cli.read_settings`` reads it."""
    if not text.partition('=')[0] or '=' not in text:
        raise argparse.ArgumentTypeError(
            f'expected KEY=VALUE (no white space around =), got {text!r}')
    return text


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the argument that replaces settings of a config."""
    parser.add_argument(
        '--cfg-options', nargs='+', type=setting, action='extend',
        metavar='KEY=VALUE',
        help='settings that replace those of the config, for example '
        'train_dataloader.batch_size=2 model.backbone.out_indices="(1,2,3)" '
        '(no white space within a value)')


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that OpenMMLab's tools have in common."""
    add = parser.add_argument
    add('--work-dir',
        help='folder for logs and checkpoints (default: work_dir of the '
        'config, else work_dirs/NAME_OF_CONFIG)')
    add_cfg_options(parser)
    add('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what has started the processes (default: %(default)s)')
    # torch.distributed.launch passes it; torchrun sets the variable instead.
    add('--local_rank', '--local-rank', type=int, default=0,
        help=argparse.SUPPRESS)
