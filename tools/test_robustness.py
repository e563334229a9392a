"""Test a classifier on ImageNet-A, -R, -Sketch, -C, -C-bar, or on corruptions.

Prints Markdown; with the rows of ConvNeXt's Table 8 below those of a model.
"""
import argparse
import sys
from pathlib import Path
from typing import List, Optional

from mmconvnextv2.analysis import robustness
from mmconvnextv2.cli import (
    CommandError,
    add_common_arguments,
    load_config,
    refused,
    require_file,
    run_command,
)
from mmconvnextv2.inference.predict import build_predictor
from mmconvnextv2.text import markdown_table

_SETS = ('c', 'c_bar', 'a', 'r', 'sketch')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='of a classifier')
    parser.add_argument('checkpoint', help='path or URL of the weights')
    for name in _SETS:
        parser.add_argument(
            f'--{name.replace("_", "-")}', type=Path, metavar='FOLDER',
            help=f'ImageNet-{name}, unpacked')
    parser.add_argument(
        '--classes', type=Path, metavar='FOLDER',
        help="with a folder for each of the model's classes (default: the "
        "config's training images)")
    parser.add_argument(
        '--apply', nargs='*', choices=list(robustness.ALEXNET),
        help="apply these corruptions (default: all) to the config's test "
        'images, of any data set; needs imagecorruptions')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def test_robustness(args: argparse.Namespace) -> None:
    """Check the request, then measure."""
    sets = {x: getattr(args, x) for x in _SETS if getattr(args, x)}
    if not sets and args.apply is None:
        raise CommandError('give a folder with --c, --c-bar, --a, --r or '
                           '--sketch, or --apply')
    cfg = load_config(args)
    require_file(args.checkpoint, 'checkpoint')
    with refused('checkpoint', ValueError):
        model = build_predictor(cfg, args.checkpoint).inferencer.model.eval()
    measured = robustness.Robustness(cfg, model)
    if sets:
        data = cfg.train_dataloader.dataset
        with refused('the sets', FileNotFoundError, ValueError):
            classes = robustness.class_folders(
                args.classes or Path(data.data_root, 'train'))
            row = measured.on_sets(sets, classes)
        print(markdown_table(['%', *robustness.COLUMNS], [
            ['this model', *row], *([f'{name}, published', *figures] for
                                    name, figures in
                                    robustness.PUBLISHED.items())]))
    names = args.apply or list(robustness.ALEXNET)
    for name in names if args.apply is not None else ():
        with refused('--apply', ImportError):
            errors = measured.under(name, cfg.model.head.num_classes)
        print(markdown_table(
            ['error, %', *robustness.SEVERITIES, 'mean'],
            [[name, *(f'{100 * x:.1f}'
                      for x in (*errors, sum(errors) / len(errors)))]]),
              flush=True)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(test_robustness, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
