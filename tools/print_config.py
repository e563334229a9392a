"""Print the hyper-parameters that a config comes to."""
import argparse
import contextlib
import json
import sys
from typing import Any, List, Mapping, Optional

from _command_line import add_cfg_options


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='lr is the highest rate of the schedule for the head, base_lr '
        'the same for 256 images; stem_lr is what layer decay leaves of it '
        'for the first layer. Sizes are width x height.')
    add = parser.add_argument
    add('config', help='path of a config, or the name of one of ours')
    add('--gpus', type=int,
        help='number of GPUs (default: as many as make the batch that the '
        'learning rate is meant for, auto_scale_lr.base_batch_size)')
    add('--auto-scale-lr', action='store_true',
        help='scale the learning rate as train.py --auto-scale-lr does')
    add_cfg_options(parser)
    _add_forms(parser)
    return parser.parse_args(argv)


def _add_forms(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument('--layers', action='store_true',
        help='print the learning rate of each layer as well')
    form.add_argument('--json', action='store_true', help='print JSON')
    form.add_argument('--full', action='store_true',
        help='print the whole config instead, its bases merged')


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from rich.console import Console
from rich.table import Table

from mmconvnextv2.cli import CommandError, load_config, run_command
from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.engine.layer_decay import LayerDecayOptimWrapperConstructor

_SIZES = ('train_size', 'test_size')


def words(value: Any) -> str:
    """A value as it stands in the table."""
    if value is None:
        return '-'
    if isinstance(value, float):
        return f'{value:.4g}'
    if isinstance(value, Mapping):
        return ', '.join(
            words(x) if key == 'type' else f'{key} {words(x)}'
            for key, x in value.items())
    if isinstance(value, (list, tuple)):
        between = ', then ' if isinstance(value[0], Mapping) else ', '
        return between.join(map(words, value))
    return str(value)


def recipe_table(values: Mapping[str, Any], title: str) -> Table:
    """Hyper-parameters, one a line."""
    table = Table('setting', title=title, title_justify='left')
    table.add_column('value', overflow='fold')
    for key, value in values.items():
        text = words(value)
        if key in _SIZES:
            text = text.replace(', ', ' x ')
        table.add_row(key, text)
    return table


def layer_table(cfg: Config, lr: float) -> str:
    """Let the optimizer's constructor describe the model."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')), \
            torch.device('meta'):
        model = MODELS.build(cfg.model)
    optimizer = dict(cfg.optim_wrapper.optimizer, lr=lr)
    return LayerDecayOptimWrapperConstructor(
        dict(optimizer=optimizer),
        cfg.optim_wrapper.paramwise_cfg).describe(model)


def print_config(args: argparse.Namespace) -> None:
    """Check the request, then print."""
    # What packages print when they are imported is no JSON.
    with contextlib.redirect_stdout(sys.stderr):
        cfg = load_config(args)
    if args.full:
        print(cfg.pretty_text)
        return
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise CommandError('--auto-scale-lr needs '
                               'auto_scale_lr.base_batch_size in the config')
        cfg.auto_scale_lr.enable = True
    try:
        with contextlib.redirect_stdout(sys.stderr):
            values = recipe(cfg, args.gpus)
    except ValueError as error:
        raise CommandError(f'{args.config}: {error}') from error
    if args.json:
        print(json.dumps(values, indent=2))
        return
    console = Console()
    console.print(recipe_table(values, args.config))
    if args.layers:
        if values['layer_decay'] is None:
            raise CommandError(f'--layers: {args.config} has no layer decay')
        print(f"\n{layer_table(cfg, values['lr'])}")


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(print_config, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
