"""Test a classifier on ImageNet-A, -R, -Sketch, -C, -C-bar, or on corruptions.

Prints Markdown; with the rows of ConvNeXt's Table 8 below those of a model.
"""
import argparse
import sys
from pathlib import Path

from _command_line import add_common_arguments

_CORRUPTIONS = (
    'gaussian_noise', 'shot_noise', 'impulse_noise', 'defocus_blur',
    'glass_blur', 'motion_blur', 'zoom_blur', 'snow', 'frost', 'fog',
    'brightness', 'contrast', 'elastic_transform', 'pixelate',
    'jpeg_compression')
_SETS = ('c', 'c_bar', 'a', 'r', 'sketch')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('config', help='of a classifier')
    add('checkpoint', help='path or URL of the weights')
    for name in _SETS:
        add(f'--{name.replace("_", "-")}', type=Path, metavar='FOLDER',
            help=f'ImageNet-{name}, unpacked')
    add('--classes', type=Path, metavar='FOLDER',
        help="with a folder for each of the model's classes (default: the "
        "config's training images)")
    add('--apply', nargs='*', choices=_CORRUPTIONS,
        help="apply these corruptions (default: all) to the config's test "
        'images, of any data set; needs imagecorruptions')
    add_common_arguments(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmconvnextv2 import cli
from mmconvnextv2.analysis import robustness
from mmconvnextv2.cli import CommandError
from mmconvnextv2.inference.predict import build_predictor
from mmconvnextv2.text import markdown_table


def test_robustness(args: argparse.Namespace) -> None:
    """Check the request, then measure."""
    sets = {x: getattr(args, x) for x in _SETS if getattr(args, x)}
    if not sets and args.apply is None:
        raise CommandError('give a folder with --c, --c-bar, --a, --r or '
                           '--sketch, or --apply')
    cfg = cli.load_config(args)
    cli.require_file(args.checkpoint, 'checkpoint')
    with cli.refused('checkpoint', ValueError):
        model = build_predictor(cfg, args.checkpoint).inferencer.model.eval()
    measured = robustness.Robustness(cfg, model)
    if sets:
        data = cfg.train_dataloader.dataset
        with cli.refused('the sets', FileNotFoundError, ValueError):
            classes = robustness.class_folders(
                args.classes or Path(data.data_root, 'train'))
            row = measured.on_sets(sets, classes)
        print(markdown_table(['%', *robustness.COLUMNS], [
            ['this model', *row], *([f'{name}, published', *figures] for
                                    name, figures in
                                    robustness.PUBLISHED.items())]))
    names = args.apply or _CORRUPTIONS
    for name in names if args.apply is not None else ():
        with cli.refused('--apply', ImportError):
            errors = measured.under(name, cfg.model.head.num_classes)
        print(markdown_table(
            ['error, %', *robustness.SEVERITIES, 'mean'],
            [[name, *(f'{100 * x:.1f}'
                      for x in (*errors, sum(errors) / len(errors)))]]),
              flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(test_robustness, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
