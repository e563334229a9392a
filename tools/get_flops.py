"""Count the parameters and multiply-adds of a config's model."""
import argparse
import logging
import sys
from typing import List, NamedTuple, Optional, Tuple

from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmconvnextv2.analysis.complexity import Complexity, count_complexity
from mmconvnextv2.cli import CommandError, run_command
from mmconvnextv2.config.find import find_config
from mmconvnextv2.config.recipe_data import augmentation
from mmconvnextv2.zoo.published import Published, published

_COLUMNS = ('config', 'image', 'parameters', 'paper', 'multiply-adds',
            'paper', 'difference')
# Characters, so that no column is cut off.
_LEAST_WIDTH = 104


class Row(NamedTuple):
    """What was counted, and what a paper prints of the same."""

    name: str
    size: Tuple[int, int]
    counted: Complexity
    printed: Optional[Published] = None


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='What papers call FLOPs are multiply-adds. Detectors are '
        'counted with 1000 boxes and 100 masks, models with an auxiliary '
        'head without its cost.')
    parser.add_argument(
        'configs', nargs='*', help='paths of configs, or names of ours')
    parser.add_argument(
        '--shape',
        type=int,
        nargs='+',
        metavar='PIXELS',
        help='height and width of the image, or the side of a square '
        "(default: the paper's, else that of the config's test pipeline)")
    parser.add_argument(
        '--parts',
        action='store_true',
        help='also print the multiply-adds of each part of the model')
    parser.add_argument(
        '--readme',
        action='store_true',
        help='print a Markdown table of all models that the papers give '
        'figures of')
    parser.set_defaults(launcher='none', local_rank=0)
    return parser.parse_args(argv)


def image_size(cfg: Config, row: Optional[Published],
               shape: Optional[List[int]]) -> Tuple[int, int]:
    """Height and width to count at.

    Raises:
        CommandError: If it is not said anywhere, or not a size.
    """
    if shape is not None:
        if len(shape) > 2 or min(shape) < 1:
            raise CommandError('--shape takes a height and a width, or the '
                               f'side of a square, in pixels, got {shape}')
        return shape[0], shape[-1]
    if row is not None:
        return row.size
    sizes = augmentation(cfg)
    size = sizes['test_size'] or sizes['train_size']
    if size is None:
        raise CommandError(f'{cfg.filename} has no image size in its '
                           'pipelines: give --shape')
    return size[1], size[0]


def count(name: str, shape: Optional[List[int]] = None) -> Row:
    """Count a config's model.

    Raises:
        CommandError: If there is no such config, or it has no model.
    """
    try:
        path = find_config(name)
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    cfg = Config.fromfile(path)
    if not cfg.get('model'):
        raise CommandError(f'{name} has no model')
    known = {row.config: row for row in published()}.get(path.stem)
    size = image_size(cfg, known, shape)
    is_same = known is not None and known.size == size
    return Row(path.stem, size, count_complexity(cfg, size),
               known if is_same else None)


def cells(row: Row) -> List[str]:
    """A row of the table."""
    counted, printed = row.counted, row.printed
    billions = counted.multiply_adds / 1e9
    texts = [
        row.name, f'{row.size[1]} x {row.size[0]}',
        f'{counted.parameters / 1e6:.1f}M', '-', f'{billions:.4g}G', '-', '-'
    ]
    if printed is not None:
        if printed.parameters is not None:
            texts[3] = f'{printed.parameters:g}M'
        texts[5] = f'{printed.multiply_adds:g}G'
        texts[6] = f'{billions / printed.multiply_adds - 1:+.1%}'
    return texts


def markdown(rows: List[Row]) -> str:
    """The table as Markdown."""
    lines = [list(_COLUMNS), ['---'] * len(_COLUMNS), *map(cells, rows)]
    return '\n'.join(f"| {' | '.join(line)} |" for line in lines)


def print_parts(row: Row, console: Console) -> None:
    """Multiply-adds by part of the model."""
    table = Table('part', title=row.name)
    table.add_column('multiply-adds', justify='right')
    for part, number in row.counted.by_part.items():
        table.add_row(part, f'{number / 1e9:.4g}G')
    console.print(table)


def get_flops(args: argparse.Namespace) -> None:
    """Check the request, then count and print."""
    # What models say while they are built would end up in the table.
    logging.disable(logging.INFO)
    if args.readme:
        if args.configs or args.shape or args.parts:
            raise CommandError('--readme counts its own list of models, at '
                               'their own sizes: give nothing else')
        print(markdown([count(row.config) for row in published()]))
        return
    if not args.configs:
        raise CommandError('give a config, or --readme')
    rows = [count(name, args.shape) for name in args.configs]
    console = Console(width=max(Console().width, _LEAST_WIDTH))
    table = Table(_COLUMNS[0])
    for title in _COLUMNS[1:]:
        table.add_column(title, justify='right')
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    if args.parts:
        for row in rows:
            print_parts(row, console)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(get_flops, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
