"""Count the parameters and multiply-adds of a config's model."""
import argparse
import functools
import logging
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='What papers call FLOPs are multiply-adds. Detectors are '
        'counted with 1000 boxes and 100 masks, models with an auxiliary '
        'head without its cost.')
    add = parser.add_argument
    add('configs', nargs='*', help='paths of configs, or names of ours')
    add('--shape', type=int, nargs='+', metavar='PIXELS',
        help='height and width of the image, or the side of a square '
        "(default: the paper's, else that of the config's test pipeline)")
    add('--parts', action='store_true',
        help='also print the multiply-adds of each part of the model')
    add('--readme', action='store_true',
        help='print a Markdown table of all models that the papers give '
        'figures of')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import yaml
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

from mmconvnextv2.analysis.complexity import Complexity, count_complexity
from mmconvnextv2.cli import run_command
from mmconvnextv2.config.check import read_config
from mmconvnextv2.config.find import configs_folder, find_config
from mmconvnextv2.config.recipe_data import augmentation
from mmconvnextv2.errors import CommandError
from mmconvnextv2.text import markdown_table

_COLUMNS = ('config', 'image', 'parameters', 'paper', 'multiply-adds',
            'paper', 'difference')
# Characters, so that no column is cut off.
_LEAST_WIDTH = 104


class Row(NamedTuple):
    """A model as counted, and its metafile's entry if a paper prints it."""

    name: str
    size: Tuple[int, int]
    counted: Complexity
    printed: Optional[dict] = None


@functools.lru_cache
def published() -> Dict[str, dict]:
    """Read the metafiles' models whose size and cost a paper prints."""
    root = configs_folder().parent
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    return {
        model['Name']: model
        for file in index['Import']
        for model in yaml.safe_load((root / file).read_text())['Models']
        if 'Published' in model
    }


def image_size(cfg: Config, printed: Optional[dict],
               shape: Optional[List[int]]) -> Tuple[int, int]:
    """Choose the height and width to count at, in pixels.

    Raises:
        CommandError: If none is given anywhere, or it is not a size.
    """
    if shape is not None:
        if len(shape) > 2 or min(shape) < 1:
            raise CommandError('--shape takes a height and a width, or the '
                               f'side of a square, in pixels, got {shape}')
        return shape[0], shape[-1]
    if printed is not None:
        size = printed['Metadata']['Image Size'].split('x')
    else:
        sizes = augmentation(cfg)
        size = sizes['test_size'] or sizes['train_size']
    if size is None:
        raise CommandError(f'{cfg.filename} has no image size in its '
                           'pipelines: give --shape')
    return int(size[1]), int(size[0])


def count(name: str, shape: Optional[List[int]] = None) -> Row:
    """Count the model of a config.

    Raises:
        CommandError: If there is no such config, or it has no model.
    """
    try:
        path = find_config(name)
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    cfg = read_config(path)
    if not cfg.get('model'):
        raise CommandError(f'{name} has no model')
    printed = published().get(path.stem)
    size = image_size(cfg, printed, shape)
    if printed is not None and size != image_size(cfg, printed, None):
        printed = None
    return Row(path.stem, size, count_complexity(cfg, size), printed)


def cells(row: Row) -> List[str]:
    """Lay out a row of the table."""
    billions = row.counted.multiply_adds / 1e9
    paper = row.printed['Published'] if row.printed else {}
    cost = paper.get('FLOPs', '-')
    return [
        row.name, f'{row.size[1]} x {row.size[0]}',
        f'{row.counted.parameters / 1e6:.1f}M',
        paper.get('Parameters', '-'), f'{billions:.4g}G', cost,
        f'{billions / float(cost[:-1]) - 1:+.1%}' if paper else '-'
    ]


def published_cells(name: str) -> List[str]:
    """Lay out the row of a model as its metafile has it, without counting."""
    model = published()[name]
    size = image_size(Config(), model, None)
    metadata = model['Metadata']
    counted = Complexity(metadata['Parameters'], metadata['FLOPs'], {})
    return cells(Row(name, size, counted, model))


def print_parts(row: Row, console: Console) -> None:
    """Print the multiply-adds of each part of the model."""
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
        print(markdown_table(_COLUMNS, map(published_cells, published())))
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
