"""Memory of a training step, the batches that fit, and pre-training time.

For each size: what is held at all times; MB per image that are kept for the
backward pass and that are there at its peak; and the most images per GPU.
Counted tensor by tensor in a step of the recipes' own models, which takes no
GPU. It is arithmetic: workspaces of cuDNN and cuBLAS, the CUDA context and the
allocator's rounding and fragmentation come on top, and --reserve is for them.
"""
import argparse
import json
import sys
from typing import List, Optional

from rich.console import Console
from rich.table import Table

from mmconvnextv2.capacity.footprint import check_side, footprints
from mmconvnextv2.capacity.step import MODES, PRECISIONS, SIZES
from mmconvnextv2.capacity.tables import as_json, markdown, tables
from mmconvnextv2.cli import CommandError, run_command

NOTE = ('Arithmetic, not measured on a GPU: the peak counts every tensor of a '
        'step; {reserve:g} GB are left for what is none (CUDA context, '
        'workspaces of cuDNN, cuBLAS and NCCL, fragmentation).')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add('--sizes', nargs='+', choices=SIZES, default=list(SIZES), help='which')
    add('--modes', nargs='+', choices=MODES, default=list(MODES),
        help='fine-tuning an ImageNet classifier, the same with with_cp=True, '
        'or pre-training at mask ratio 0.6')
    add('--shapes', nargs='+', type=int, default=[224, 1024],
        metavar='PIXELS', help='sides of square images')
    add('--precisions', nargs='+', choices=PRECISIONS, default=['bf16'],
        help='float32, or autocast')
    add('--memory', nargs='+', type=float, default=[24, 40, 80, 141],
        metavar='GB', help='of a GPU, 10^9 bytes each')
    add('--reserve', type=float, default=2., metavar='GB',
        help='of it not to be planned with')
    add('--gpus', type=int, default=8,
        help='with several, DDP holds the gradients twice')
    add('--no-ema', action='store_true',
        help='fine-tune without the average of the weights')
    add('--images-per-second', nargs='+', type=float, default=[],
        metavar='RATE', help='of one GPU, for the time of pre-training')
    out = parser.add_mutually_exclusive_group()
    out.add_argument('--json', action='store_true', help='print JSON')
    out.add_argument('--markdown', action='store_true', help='print Markdown')
    parser.set_defaults(launcher='none', local_rank=0)
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """Refuse numbers that cannot be.

    Raises:
        CommandError: If there is one.
    """
    try:
        for side in args.shapes:
            check_side(side)
    except ValueError as error:
        raise CommandError(f'--shapes: {error}') from error
    if args.gpus < 1:
        raise CommandError(f'--gpus must be at least 1, got {args.gpus}')
    if not all(0 < rate < float('inf') for rate in args.images_per_second):
        raise CommandError('--images-per-second must be positive, got '
                           f'{args.images_per_second}')
    if not 0 <= args.reserve < min(args.memory) < float('inf'):
        raise CommandError(
            '--reserve must lie between 0 and the smallest --memory, got '
            f'{args.reserve:g} and {min(args.memory):g} GB')


def show(args: argparse.Namespace, parts: list) -> None:
    """Print tables for people."""
    console = Console()
    # Nothing is cut off where the output is no terminal or a narrow one.
    console.width = max(console.width, 100)
    for title, columns, rows in parts:
        table = Table(title=title)
        for i, column in enumerate(columns):
            table.add_column(
                column, justify='right' if i else 'left', no_wrap=True)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(NOTE.format(reserve=args.reserve))


def capacity(args: argparse.Namespace) -> None:
    """Check the request, then measure and print.

    Raises:
        CommandError: If it cannot be met.
    """
    check(args)
    try:
        found = list(
            footprints(args.sizes, args.modes, args.shapes, args.precisions,
                       not args.no_ema, args.gpus))
    except ImportError as error:
        raise CommandError(str(error)) from error
    request = (found, args.memory, args.reserve, args.images_per_second,
               args.gpus)
    if args.json:
        print(json.dumps(as_json(*request), indent=2))
    elif args.markdown:
        print(markdown(tables(*request)))
    else:
        show(args, tables(*request))


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(capacity, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
