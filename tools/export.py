"""Export a classifier, or any model's backbone, to ONNX or torch.export."""
import argparse
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import List, Optional

import torch
from torch import Tensor

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import (
    CommandError,
    load_config,
    require_file,
    run_command,
)
from mmconvnextv2.inference.served_files import (
    ONNXFile,
    TorchExportFile,
    largest_difference,
    shapes_to_try,
)
from mmconvnextv2.inference.serving import (
    Job,
    build_job,
    to_onnx,
    to_torch_export,
)
from mmconvnextv2.quiet import quietly

_TOLERANCE = 1e-4
_NEEDED = dict(onnx=('onnx', 'onnxscript'), torch_export=())


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='The file is run before it gets its name, and compared with '
        'the model: by onnxruntime, if that is installed, or by PyTorch. '
        'Detectors and segmentors as a whole are exported by mmdeploy.')
    parser.add_argument(
        'config', help='path of a config, or the name of one of ours')
    parser.add_argument('out', type=Path, help='file to write')
    parser.add_argument(
        '--format', choices=list(_NEEDED), required=True, help='of the file')
    parser.add_argument(
        '--checkpoint',
        help='path or URL of the weights (default: random ones)')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        default=(224, 224),
        metavar=('HEIGHT', 'WIDTH'),
        help='size of the images in pixels (default: 224 224)')
    parser.add_argument(
        '--dynamic',
        action='store_true',
        help='let batch, height and width vary; otherwise the batch is 1 and '
        'the size --shape')
    parser.add_argument(
        '--opset', type=int, help="version of ONNX's operators, 18 or more")
    parser.add_argument(
        '--force', action='store_true', help='replace an existing file')
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
    if args.opset is not None and args.opset < 18:
        raise CommandError(f'--opset must be at least 18, got {args.opset}')
    missing = [
        x for x in _NEEDED[args.format] if importlib.util.find_spec(x) is None
    ]
    if missing:
        raise CommandError(f'--format {args.format} needs packages: pip '
                           f"install {' '.join(missing)} onnxruntime")
    if args.checkpoint is not None:
        require_file(args.checkpoint, '--checkpoint')


def load(args: argparse.Namespace) -> Job:
    """Build the model and load the weights.

    Raises:
        CommandError: If that cannot be done.
    """
    cfg = load_config(args)
    try:
        job = build_job(cfg, args.checkpoint)
    except CheckpointError as error:
        raise CommandError(f'--checkpoint: {error}') from error
    except ValueError as error:
        raise CommandError(f'{args.config}: {error}') from error
    least = job.stride * (2 if args.dynamic else 1)
    if min(args.shape) < least:
        raise CommandError(f'--shape must be at least {least} in both '
                           f'directions, got {tuple(args.shape)}')
    return job


def write(job: Job, images: Tensor, path: Path,
          args: argparse.Namespace) -> None:
    """Write the file in the format asked for."""
    if args.format == 'onnx':
        to_onnx(job, images, path, args.dynamic, args.opset)
    else:
        to_torch_export(job, images, path, args.dynamic)


def verify(job: Job, images: Tensor, path: Path,
           args: argparse.Namespace) -> str:
    """Run the file and compare; returns what there is to say about it.

    Raises:
        CommandError: If an output differs.
    """
    if args.format == 'onnx' and not importlib.util.find_spec('onnxruntime'):
        return 'not compared with the model: onnxruntime is not installed'
    run = (ONNXFile if args.format == 'onnx' else TorchExportFile)(path)
    shapes = shapes_to_try(job, images, run.strides, args.dynamic)
    differences = [largest_difference(job, run, x) for x in shapes]
    # Not <=, which is false of not-a-number.
    if not all(x <= _TOLERANCE for x in differences):
        worst = ', '.join(f'{x:.1e} for {y}'
                          for x, y in zip(differences, shapes))
        raise CommandError(f'the outputs of the file differ from those of the '
                           f'model by more than {_TOLERANCE:g}: {worst}; '
                           'nothing was written')
    return (f'largest difference {max(differences):.1e} '
            f'for inputs {", ".join(map(str, shapes))}')


def export(args: argparse.Namespace) -> None:
    """Check the request, then build, write, compare, and name the file."""
    check_request(args)
    with quietly(logging.WARNING):
        job = load(args)
        images = torch.randn(
            2 if args.dynamic else 1, job.channels, *args.shape)
        folder = Path(
            tempfile.mkdtemp(
                prefix=f'.{args.out.name}.', dir=args.out.parent))
        try:
            write(job, images, folder / args.out.name, args)
            said = verify(job, images, folder / args.out.name, args)
            # Reversed, so that weights in a file of their own are there first.
            for path in sorted(folder.iterdir(), reverse=True):
                os.replace(path, args.out.with_name(path.name))
        finally:
            shutil.rmtree(folder)
    weights = '' if args.checkpoint else ', RANDOM WEIGHTS (no --checkpoint)'
    print(f"{args.out}: {job.metadata['part']}{weights}, outputs "
          f"{', '.join(job.outputs)}\n{said}")


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(export, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
