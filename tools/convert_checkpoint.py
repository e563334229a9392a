"""Convert weights from and to other code bases' names and layouts."""
import argparse
import os.path as osp
import sys
from typing import Any, List, Mapping, Optional, Tuple

_FORMATS = (
    'mmpretrain', 'official', 'official-isotropic', 'official-pretraining',
    'timm', 'huggingface', 'huggingface-dinov3', 'torchvision')
_EPILOG = """\
docs/weights.md lists the formats, and the files and folders that are read.
Only weights are converted, not an optimizer's state. Weights that the authors
released are under CC-BY-NC 4.0 in every format.
"""


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('source', help='path or URL of the weights')
    add('target', help='file to write: .pth, .pt, .bin or .safetensors')
    add('--from', dest='source_format', choices=['auto', *_FORMATS],
        default='auto',
        help='what the file must be; auto finds out (default: %(default)s)')
    add('--to', dest='target_format', choices=_FORMATS, default=_FORMATS[0],
        help='what to write (default: %(default)s)')
    add('--entry',
        help='key of the state dict in the file, such as model_ema (default: '
        'state_dict or model if there is one, else the whole file)')
    add('--force', action='store_true', help='replace an existing file')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from torch import Tensor

from mmconvnextv2 import checkpoint
from mmconvnextv2.checkpoint import OURS, CheckpointError, Mapped
from mmconvnextv2.cli import refused, run_command


def translate(content: Any, args: argparse.Namespace) -> Tuple[str, Mapped]:
    """Translate whole weights; returns the source's format and the weights."""
    with checkpoint.about(args.source):
        weights = checkpoint.pick_weights(content, args.entry)
        source = checkpoint.recognise(weights)
        if args.source_format not in ('auto', source.format):
            raise CheckpointError(f'it is of format {source.format}, not '
                                  f'{args.source_format}')
        ours = checkpoint.to_ours(weights, source)
        for need in ours.needs:
            raise CheckpointError(
                f"{need.reason}, which a converted file would not say: name "
                "this one in the backbone's init_cfg, and set "
                f'{need.argument}')
        network = checkpoint.check(ours.state)
        theirs = checkpoint.from_ours(ours.state, args.target_format)
    print(f'{args.source}: {source.format}, {network.describe()}')
    if choice := checkpoint.describe_choice(content, args.entry):
        print(choice)
    left_out = ours.left_out + theirs.left_out
    if left_out:
        print(f'left out ({len(left_out)}): {", ".join(left_out)}')
    if 'optimizer' in content:
        print("left out: the optimizer's state")
    return source.format, theirs


def pack(state: Mapping[str, Tensor], args: argparse.Namespace,
         source_format: str, content: Mapping) -> Mapping[str, Any]:
    """Put the weights where the readers of the target's format look."""
    if args.target.endswith('.safetensors'):
        return state
    if args.target_format.startswith('official'):
        return dict(model=state)
    if args.target_format != OURS:
        return state
    meta = dict(
        converted_from=source_format, source=osp.basename(args.source))
    if isinstance(content.get('epoch'), (int, str)):
        meta['source_epoch'] = content['epoch']
    return dict(meta=meta, state_dict=state)


def convert_checkpoint(args: argparse.Namespace) -> None:
    """Read, translate, check and write."""
    with refused('target', OSError, CheckpointError):
        checkpoint.check_target(args.target, args.force)
    with refused('source', OSError):
        content = checkpoint.read_checkpoint(args.source)
    source_format, theirs = translate(content, args)
    with refused('target', OSError):
        checkpoint.write_checkpoint(
            pack(theirs.state, args, source_format, content), args.target,
            args.force)
    print(f'{args.target}: {args.target_format}, {len(theirs.state)} tensors')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(convert_checkpoint, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
