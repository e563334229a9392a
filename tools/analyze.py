"""Look at what networks have learned, as the paper does.

cosine-distance draws how unlike a layer's channels are (Figure 4),
class-selectivity how selective its units (Figure 7), activations the channels
themselves (Figure 3). Each writes a PNG and the numbers behind it as CSV.
"""
import argparse
import sys
from pathlib import Path
from typing import List, Optional

from mmconvnextv2.analysis import (
    AFTER_GRN,
    FEATURES,
    Model,
    find_images,
    reports,
)
from mmconvnextv2.analysis import load_model as load_backbone
from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import CommandError, require_file, run_command
from mmconvnextv2.config.find import find_config
from mmconvnextv2.quiet import quietly

_UNTRAINED = 'none'


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what all analyses have in common."""
    parser.add_argument(
        '--model',
        nargs=3,
        action='append',
        required=True,
        metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
        help='what the model is to be called; path of a config with '
        "ConvNeXtV2 in it, or the name of one of ours; weights, or 'none' for "
        'initial ones. Several models are drawn together')
    parser.add_argument(
        '--images', type=Path, required=True, help='folder, searched whole')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for PNG and CSV')
    parser.add_argument(
        '--size',
        type=int,
        default=224,
        help='pixels that the shorter side is resized to; the middle square '
        'is then cut out (default: %(default)s)')
    parser.add_argument(
        '--overwrite', action='store_true', help='replace files in --out')
    parser.set_defaults(launcher='none', local_rank=0)


def add_stream_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what analyses of many images have in common."""
    parser.add_argument(
        '--max-images',
        type=int,
        default=1000,
        help='how many images at most, spread evenly (default: %(default)s)')
    parser.add_argument(
        '--batch-size',
        type=int,
        default=16,
        help='images in memory at a time (default: %(default)s)')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    distance = commands.add_parser(
        'cosine-distance', help='how unlike the channels of a layer are')
    selectivity = commands.add_parser(
        'class-selectivity',
        help='how selective units are; --images has a folder for each class')
    grids = commands.add_parser(
        'activations', help='the channels of some layers, for one image')
    for command in (distance, selectivity, grids):
        add_common_arguments(command)
    for command in (distance, selectivity):
        add_stream_arguments(command)
    selectivity.add_argument(
        '--signed',
        action='store_true',
        help='average outputs with their signs (default: negative ones count '
        'as zero, as behind the ReLU that the index is defined for)')
    grids.add_argument(
        '--layers',
        nargs='+',
        help='blocks, such as stages.2.0 (default: the last of each stage)')
    grids.add_argument(
        '--features',
        choices=FEATURES,
        default=AFTER_GRN,
        help='which of a block (default: %(default)s)')
    grids.add_argument(
        '--channels',
        type=int,
        default=64,
        help='how many, the first ones (default: %(default)s)')
    return parser.parse_args(argv)


def check_arguments(args: argparse.Namespace) -> None:
    """Check what can be checked before anything is loaded.

    Raises:
        CommandError: If a number is not positive, two models have one name, or
            a file to write is there.
    """
    for key in ('size', 'batch_size', 'max_images', 'channels'):
        if getattr(args, key, 1) < 1:
            raise CommandError(f"--{key.replace('_', '-')} must be positive, "
                               f'got {getattr(args, key)}')
    names = [name for name, _, _ in args.model]
    for name in names:
        if names.count(name) > 1:
            raise CommandError(f'--model: two are called {name!r}')
    analysis = args.command.replace('-', '_')
    there = [x for x in reports.files_of(analysis, args.out) if x.exists()]
    if there and not args.overwrite:
        raise CommandError(f'--out: {there[0]} exists; choose another folder '
                           'or --overwrite')


def load_model(name: str, config: str, checkpoint: str) -> Model:
    """Load a model that the command line names.

    Raises:
        CommandError: If files are missing or do not fit.
    """
    if checkpoint != _UNTRAINED:
        require_file(checkpoint, '--model')
    try:
        return load_backbone(name, find_config(config),
                             None if checkpoint == _UNTRAINED else checkpoint)
    except (FileNotFoundError, CheckpointError, ValueError) as error:
        raise CommandError(f'--model {name}: {error}') from error


def analyze(args: argparse.Namespace) -> None:
    """Check the request, then measure and draw."""
    check_arguments(args)
    try:
        images = find_images(args.images, getattr(args, 'max_images', None))
    except FileNotFoundError as error:
        raise CommandError(f'--images: {error}') from error
    with quietly():  # A line for each parameter.
        models = [load_model(*named) for named in args.model]
    least = max(model.backbone.stride for model in models)
    if args.size < least:
        raise CommandError(f'--size must be at least {least}, the stride of '
                           f'the backbone, got {args.size}')
    try:
        _report(args, models, images)
    except ValueError as error:
        raise CommandError(str(error)) from error
    for path in reports.files_of(args.command.replace('-', '_'), args.out):
        print(path)


def _report(args: argparse.Namespace, models: List[Model],
            images: reports.Images) -> None:
    if args.command == 'activations':
        reports.report_activations(models, images, args.out, args.size,
                                   args.features, args.layers, args.channels)
        return
    stream = (models, images, args.out, args.size, args.batch_size)
    if args.command == 'cosine-distance':
        reports.report_cosine_distance(*stream)
    else:
        reports.report_class_selectivity(*stream, rectify=not args.signed)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(analyze, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
