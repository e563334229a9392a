"""Export a classifier, or any model's backbone, to ONNX or torch.export."""
import argparse
import importlib.util
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import List, Optional

from mmconvnextv2 import cli
from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import CommandError, refused
from mmconvnextv2.inference.export import FORMATS, Export
from mmconvnextv2.quiet import quietly

_TOLERANCE = 1e-4
_LEAST_OPSET = 18


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Before the file gets its name, it is run and compared with '
        'the model: by onnxruntime, if that is installed, or by PyTorch. '
        'Detectors and segmentors as a whole are exported by mmdeploy.')
    add = parser.add_argument
    add('config', help='path or name of a config')
    add('out', type=Path, help='file to write')
    add('--format', choices=FORMATS, required=True, help='of the file')
    add('--checkpoint',
        help='path or URL of the weights (default: random ones)')
    add('--shape', type=int, nargs=2, default=(224, 224),
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the images, in pixels (default: 224 224)')
    add('--dynamic', action='store_true',
        help='let batch, height and width vary; otherwise the batch is 1 and '
        'the size --shape')
    add('--opset', type=int,
        help=f'version of the operators of ONNX, {_LEAST_OPSET} or more')
    add('--force', action='store_true', help='replace an existing file')
    parser.set_defaults(
        launcher='none', local_rank=0, cfg_options=None, work_dir=None)
    return parser.parse_args(argv)


def check_request(args: argparse.Namespace) -> None:
    """Check what can be checked before a model is built.

    Raises:
        CommandError: If the request cannot be met.
    """
    if args.out.is_dir() or (args.out.exists() and not args.force):
        raise CommandError(f'out: {args.out} exists; --force replaces a file')
    if not args.out.parent.is_dir():
        raise CommandError(f'out: there is no folder {str(args.out.parent)!r}')
    if args.opset is not None and args.format != 'onnx':
        raise CommandError('--opset is for --format onnx')
    if args.opset is not None and args.opset < _LEAST_OPSET:
        raise CommandError(f'--opset must be at least {_LEAST_OPSET}, got '
                           f'{args.opset}')
    needed = ('onnx', 'onnxscript') if args.format == 'onnx' else ()
    missing = [x for x in needed if importlib.util.find_spec(x) is None]
    if missing:
        raise CommandError(f'--format {args.format} needs packages: pip '
                           f"install {' '.join(missing)} onnxruntime")
    if args.checkpoint is not None:
        cli.require_file(args.checkpoint, '--checkpoint')


def verify(job: Export, path: Path) -> str:
    """Run the file, compare it with the model, and describe the result.

    Raises:
        CommandError: If an output differs.
    """
    if job.kind == 'onnx' and not importlib.util.find_spec('onnxruntime'):
        return 'not compared with the model: onnxruntime is not installed'
    found = job.compare(path)
    # Not > with any(): comparisons with NaN are false.
    if not all(x <= _TOLERANCE for x in found.values()):
        worst = ', '.join(f'{x:.1e} for {y}' for y, x in found.items())
        raise CommandError(f'the outputs of the file differ from those of the '
                           f'model by more than {_TOLERANCE:g}: {worst}; '
                           'nothing was written')
    return (f'largest difference {max(found.values()):.1e} '
            f'for inputs {", ".join(map(str, found))}')


def export(args: argparse.Namespace) -> None:
    """Check the request, then build, write, compare, and name the file."""
    check_request(args)
    folder, name = args.out.parent, args.out.name
    with quietly(logging.WARNING):
        cfg = cli.load_config(args)
        with refused(args.config, ValueError), \
                refused('--checkpoint', CheckpointError):
            job = Export(cfg, args.checkpoint, args.format, args.shape,
                         args.dynamic, args.opset)
        with tempfile.TemporaryDirectory(
                prefix=f'.{name}.', dir=folder) as part:
            job.write(Path(part, name))
            report = verify(job, Path(part, name))
            # In reverse, so that weights in a file of their own come first.
            for path in sorted(Path(part).iterdir(), reverse=True):
                os.replace(path, folder / path.name)
    weights = '' if args.checkpoint else ', RANDOM WEIGHTS (no --checkpoint)'
    print(f"{args.out}: {job.metadata['part']}{weights}, outputs "
          f"{', '.join(job.outputs)}\n{report}")


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(export, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
