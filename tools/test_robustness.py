"""Test a classifier on ImageNet-A, -R, -Sketch, -C and -C-bar.

Or on a set of other classes in ImageNet-C's layout, which
demo/corrupt_images.py makes. Prints Markdown: for ImageNet's 1000 classes with
the rows of ConvNeXt's Table 8, and the errors of each of -C's corruptions.
"""
import argparse
import sys
from pathlib import Path
from statistics import fmean

from _command_line import add_common_arguments

_SETS = ('c', 'c_bar', 'a', 'r', 'sketch')
_IMAGENET = 1000  # classes


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('config', help='of a classifier')
    add('checkpoint', help='path or URL of the weights')
    for name in _SETS:
        add(f'--{name.replace("_", "-")}', type=Path, metavar='FOLDER',
            help=f'ImageNet-{name}, unpacked')
    add('--classes', type=Path, metavar='FOLDER',
        help="with a folder for each of the model's classes (default: the "
        "config's training images)")
    add_common_arguments(parser)
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from mmconvnextv2 import cli
from mmconvnextv2.analysis import robustness
from mmconvnextv2.cli import CommandError
from mmconvnextv2.engine.run_errors import explained_errors
from mmconvnextv2.inference.predict import build_predictor, recognise_task
from mmconvnextv2.text import markdown_table


def test_robustness(args: argparse.Namespace) -> None:
    """Check the request, then measure."""
    sets = {x: getattr(args, x) for x in _SETS if getattr(args, x)}
    if not sets:
        raise CommandError(
            'give a folder with --c, --c-bar, --a, --r or --sketch')
    cfg = cli.load_config(args)
    with cli.refused('config', ValueError):
        if recognise_task(cfg) != 'classification':
            raise CommandError('config: expected one of a classifier')
    cli.require_file(args.checkpoint, 'checkpoint')
    with cli.refused('checkpoint', ValueError):
        model = build_predictor(cfg, args.checkpoint).inferencer.model.eval()
    data = cfg.train_dataloader.dataset
    with explained_errors(cfg, ('test', )), cli.refused(
            'the sets', FileNotFoundError, ValueError):
        classes = robustness.class_folders(
            args.classes or Path(data.data_root, 'train'),
            cfg.model.head.get('num_classes'))
        row, errors = robustness.on_sets(cfg, model, sets, classes)
    rows = [['this model', *row]]
    if len(classes) == _IMAGENET:
        rows += [[f'{name}, published', *figures]
                 for name, figures in robustness.PUBLISHED.items()]
    print(markdown_table(['%', *robustness.COLUMNS], rows))
    if errors:
        print('\n' + corruption_table(errors))


def corruption_table(errors: dict[str, list[float]]) -> str:
    """Errors of each corruption in Markdown, at 5 severities and in all."""
    return markdown_table(
        ['error, %', *map(str, robustness.SEVERITIES), 'mean', '/ AlexNet'],
        [[name, *(f'{100 * x:.1f}' for x in (
            *values, fmean(values), fmean(values) / robustness.ALEXNET[name]))]
         for name, values in errors.items()])


def main(argv: list[str] | None = None) -> int:
    """Run the tool; returns its exit code."""
    return cli.run_command(test_robustness, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
