"""Look at what networks have learned, as the paper does.

cosine-distance draws how unlike the channels of a layer are (Figure 4),
class-selectivity how selective units are (Figure 7), activations the channels
themselves (Figure 3). Each writes a PNG and the numbers behind it as CSV. knn
classifies images by their nearest neighbours, without any training.
"""
import argparse
import sys
from pathlib import Path
from typing import Callable, List, Optional


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
    knn = commands.add_parser(
        'knn', help='accuracy of the nearest neighbours; --images and '
        '--queries have a folder for each class')
    for command in (distance, selectivity, grids, knn):
        _add_common_arguments(command.add_argument)
    knn.add_argument('--queries', type=Path, required=True,
                     help='folder of the images to classify')
    knn.add_argument('--k', type=int, default=20,
                     help='neighbours that vote (default: %(default)s)')
    knn.add_argument('--batch-size', type=int, default=64,
                     help='images in memory at a time (default: %(default)s)')
    distance.add_argument(
        '--live-only', action='store_true',
        help='leave out channels that are zero everywhere (default: they '
        'count, as equal to each other)')
    for add in (distance.add_argument, selectivity.add_argument):
        add('--max-images', type=int, default=1000,
            help='most images to read, spread evenly (default: %(default)s)')
        add('--batch-size', type=int, default=16,
            help='images in memory at a time (default: %(default)s)')
    selectivity.add_argument(
        '--signed', action='store_true',
        help='average outputs with their signs (default: negative ones count '
        'as zero, as behind the ReLU that the index is defined for)')
    add = grids.add_argument
    add('--layers', nargs='+',
        help='blocks, such as stages.2.0 (default: the last of each stage)')
    add('--features', choices=['before_grn', 'after_grn', 'output'],
        default='after_grn',
        help='which of a block (default: %(default)s)')
    add('--channels', type=int, default=64,
        help='number of channels, the first ones (default: %(default)s)')
    return parser.parse_args(argv)


def _add_common_arguments(add: Callable) -> None:
    add('--model', nargs=3, action='append', required=True,
        metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
        help='name in tables and plots; path or name of a config with '
        "ConvNeXtV2 (or mmpretrain's ViT) in it; weights, or 'none' for "
        'initial ones. Several '
        'models are drawn together')
    add('--images', type=Path, required=True, help='folder, searched whole')
    add('--out', type=Path, required=True, help='folder for PNG and CSV')
    add('--size', type=int, default=224,
        help='shorter side of the resized image, in pixels; the middle square '
        'is then cut out (default: %(default)s)')
    add('--overwrite', action='store_true', help='replace files in --out')


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmconvnextv2 import analysis, cli
from mmconvnextv2.analysis import reports
from mmconvnextv2.cli import CommandError, refused
from mmconvnextv2.config.find import find_config
from mmconvnextv2.quiet import quietly


def check_arguments(args: argparse.Namespace) -> None:
    """Check what can be checked before loading; set ``args.files``.

    Raises:
        CommandError: If a number is not positive, two models have one name, or
            a file to write exists.
    """
    for key in ('size', 'batch_size', 'max_images', 'channels', 'k'):
        if getattr(args, key, 1) < 1:
            raise CommandError(f"--{key.replace('_', '-')} must be positive, "
                               f'got {getattr(args, key)}')
    names = [name for name, _, _ in args.model]
    for name in names:
        if names.count(name) > 1:
            raise CommandError(f'--model: two are called {name!r}')
    args.files = reports.files_of(args.command.replace('-', '_'), args.out)
    there = [x for x in args.files if x.exists()]
    if there and not args.overwrite:
        raise CommandError(f'--out: {there[0]} exists; choose another folder '
                           'or --overwrite')


def load_model(name: str, config: str, checkpoint: str) -> analysis.Model:
    """Load a model that the command line names.

    Raises:
        CommandError: If files are missing or do not fit.
    """
    is_trained = checkpoint != 'none'
    if is_trained:
        cli.require_file(checkpoint, '--model')
    with refused(f'--model {name}', FileNotFoundError, ValueError):
        return analysis.load_model(name, find_config(config),
                                   checkpoint if is_trained else None)


def analyze(args: argparse.Namespace) -> None:
    """Check the request, then measure and draw."""
    check_arguments(args)
    with refused('--images', FileNotFoundError):
        images = analysis.find_images(args.images,
                                      getattr(args, 'max_images', None))
    with quietly():  # MMEngine logs a line for each parameter.
        models = [load_model(*named) for named in args.model]
    # A ViT takes images of any size from a patch on.
    least = max(getattr(x.backbone, 'stride', 32) for x in models)
    if args.size < least:
        raise CommandError(f'--size must be at least {least}, the stride of '
                           f'the backbone, got {args.size}')
    common = (models, images, args.out, args.size)
    with refused(args.command, ValueError, FileNotFoundError):
        if args.command == 'activations':
            reports.report_activations(*common, args.features, args.layers,
                                       args.channels)
        elif args.command == 'cosine-distance':
            reports.report_cosine_distance(*common, args.batch_size,
                                           args.live_only)
        elif args.command == 'knn':
            queries = analysis.find_images(args.queries)
            found = reports.report_neighbours(
                models, images, queries, args.out, args.size, args.batch_size,
                args.k)
            for name, accuracy in found.items():
                print(f'{name}: {accuracy:.1f} % top-1')
        else:
            reports.report_class_selectivity(*common, args.batch_size,
                                             rectify=not args.signed)
    print(*args.files, sep='\n')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(analyze, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
