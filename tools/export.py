"""Export a model, or its backbone, to ONNX, OpenVINO or torch.export."""
import argparse
import importlib.util
import logging
import os
import sys
import tempfile
from pathlib import Path

_LEAST_OPSET = 18


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='Before the file gets its name, it is run and compared with '
        'the model: by onnxruntime, if that is installed, by OpenVINO or by '
        'PyTorch. docs/deployment.md has the outputs of each task, and a '
        'program that reads them.')
    add = parser.add_argument
    add('config', help='path or name of a config')
    add('out', type=Path,
        help='file to write: .onnx for onnx, .xml for openvino, .pt2 for '
        'torch_export')
    add('--format', choices=['onnx', 'openvino', 'torch_export'],
        required=True, help='of the file')
    add('--checkpoint', help='path or URL of the weights (default: random)')
    add('--backbone', action='store_true', help='export the backbone alone')
    add('--shape', type=int, nargs=2, default=(224, 224),
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the images, in pixels (default: 224 224)')
    add('--dynamic', action='store_true',
        help='let batch (of all but detectors), height and width vary; '
        'otherwise the batch is 1 and the size --shape')
    add('--opset', type=int,
        help=f'version of the operators of ONNX, {_LEAST_OPSET} or more')
    add('--force', action='store_true', help='replace an existing file')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmconvnextv2 import cli
from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import CommandError, refused
from mmconvnextv2.inference.export import Export
from mmconvnextv2.inference.export_files import FORMATS
from mmconvnextv2.quiet import quietly

# What each format needs, and the extra that brings it.
_NEEDED = dict(onnx=('export', 'onnx', 'onnxscript'),
               openvino=('deploy', 'onnx', 'onnxscript', 'openvino'),
               torch_export=('', ))


def check_request(args: argparse.Namespace) -> None:
    """Check what can be checked before a model is built.

    Raises:
        CommandError: If the request cannot be met.
    """
    files = [args.out]
    if args.format == 'openvino':
        files.append(args.out.with_suffix('.bin'))
    for path in files:
        if path.is_dir() or (path.exists() and not args.force):
            raise CommandError(f'out: {path} exists; --force replaces a file')
    if not args.out.parent.is_dir():
        raise CommandError(f'out: there is no folder {str(args.out.parent)!r}')
    if args.out.suffix != FORMATS[args.format]:
        raise CommandError(f'out: a file of --format {args.format} ends with '
                           f'{FORMATS[args.format]}, got {args.out}')
    if args.opset is not None and args.format == 'torch_export':
        raise CommandError('--opset is for --format onnx and openvino')
    if args.opset is not None and args.opset < _LEAST_OPSET:
        raise CommandError(f'--opset must be at least {_LEAST_OPSET}, got '
                           f'{args.opset}')
    extra, *needed = _NEEDED[args.format]
    missing = [x for x in needed if importlib.util.find_spec(x) is None]
    if missing:
        raise CommandError(
            f'--format {args.format} needs {" and ".join(missing)}, of the '
            f'extra {extra!r}: pip install "mmconvnextv2[{extra}]", or pip '
            f'install ".[{extra}]" in a checkout')
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
    limit = job.graph.tolerance
    # Not > with any(): comparisons with NaN are false.
    if not all(x <= limit for x in found.values()):
        worst = ', '.join(f'{x:.1e} for {y}' for y, x in found.items())
        raise CommandError(f'the outputs of the file differ from those of the '
                           f'model by more than {limit:g}: {worst}; '
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
                         args.dynamic, args.opset, not args.backbone)
        with tempfile.TemporaryDirectory(
                prefix=f'.{name}.', dir=folder) as part:
            with refused(f'--format {args.format}', ValueError):
                job.write(Path(part, name))
                report = verify(job, Path(part, name))
            # Weights in a file of their own come first.
            for path in sorted(Path(part).iterdir(),
                               key=lambda x: x.name == name):
                os.replace(path, folder / path.name)
    weights = '' if args.checkpoint else ', RANDOM WEIGHTS (no --checkpoint)'
    print(f"{args.out}: {job.metadata['part']}{weights}, outputs "
          f"{', '.join(job.graph.outputs)}\n{report}")


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(export, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
