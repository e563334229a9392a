"""Run a model on images: pictures of what it finds, and JSON."""
import argparse
import logging
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from mmengine.config import Config
from rich.console import Console
from rich.progress import Progress

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import (
    CommandError,
    load_config,
    require_file,
    run_command,
)
from mmconvnextv2.inference.images import (
    check_image,
    distinct_names,
    find_images,
)
from mmconvnextv2.inference.prediction import Options
from mmconvnextv2.inference.predictors import Predictor, build_predictor
from mmconvnextv2.inference.results import store, write_json
from mmconvnextv2.inference.tasks import recognise_task
from mmconvnextv2.quiet import quietly

_RESULTS = 'results.json'
_EPILOG = """\
The config tells the task: detection, segmentation, classification, or
reconstruction by FCMAE.

Written to --out:
  results.json    for each image its result or the error; see the README
  pictures/       a picture for each image
  label_maps/     for segmentation, the class of each pixel as its grey level

Exit code: 0 if all went well, 1 if some images failed, 2 if nothing could be
done.
"""


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'images', type=Path, help='an image, or a folder of images')
    parser.add_argument(
        '--config',
        required=True,
        help='path of a config, or the name of one of ours')
    parser.add_argument(
        '--checkpoint', required=True, help='path or URL of the weights')
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for the results, new or empty (default: '
        'work_dirs/NAME_OF_CONFIG/infer)')
    parser.add_argument(
        '--force',
        action='store_true',
        help='write into a folder that is not empty; what has the same name '
        'is replaced')
    _add_options(parser)
    parser.set_defaults(
        launcher='none', local_rank=0, cfg_options=None, work_dir=None)
    return parser.parse_args(argv)


def _add_options(parser: argparse.ArgumentParser) -> None:
    default = Options()
    parser.add_argument(
        '--device', help='cpu, cuda, cuda:1 ... (default: a GPU if any)')
    parser.add_argument(
        '--score-thr',
        type=float,
        default=default.score_thr,
        help='detection: least score (default: %(default)s)')
    parser.add_argument(
        '--size',
        type=int,
        default=default.size,
        help='reconstruction: pixels that the shorter side is resized to; '
        'both are then cropped to whole patches (default: %(default)s)')
    parser.add_argument(
        '--seed',
        type=int,
        default=default.seed,
        help='reconstruction: seed of the mask (default: %(default)s)')


def output_folder(args: argparse.Namespace, cfg: Config) -> Path:
    """The folder for the results.

    Raises:
        CommandError: If it is no folder, or not empty and ``--force`` is not
            given.
    """
    out = args.out or Path('work_dirs', Path(cfg.filename).stem, 'infer')
    if out.exists() and not out.is_dir():
        raise CommandError(f'--out: {out} is not a folder')
    if out.is_dir() and any(out.iterdir()) and not args.force:
        raise CommandError(f'--out: {out} is not empty; choose another folder '
                           'or --force')
    return out


def check_device(device: Optional[str]) -> None:
    """Check that a device is there.

    Raises:
        CommandError: If not.
    """
    try:
        torch.empty(1, device=device)
    # AssertionError is PyTorch's where it was built for the CPU only.
    except (AssertionError, RuntimeError) as error:
        reason = str(error).split('\n')[0]
        raise CommandError(f'--device {device}: {reason}') from error


def load(args: argparse.Namespace, cfg: Config) -> Predictor:
    """Build the model and load the weights.

    Raises:
        CommandError: If that cannot be done.
    """
    require_file(args.checkpoint, '--checkpoint')
    check_device(args.device)
    options = Options(args.device, args.score_thr, args.size, args.seed)
    try:
        return build_predictor(cfg, args.checkpoint, options)
    except CheckpointError as error:
        raise CommandError(f'--checkpoint: {error}') from error
    except ModuleNotFoundError as error:
        raise CommandError(f'{args.config} needs a package that is not '
                           f'installed: {error.name}') from error
    except ValueError as error:
        raise CommandError(f'{args.config}: {error}') from error


def process(predictor: Predictor, images: List[Path],
            out: Path) -> List[Dict[str, Any]]:
    """Predict image by image; what fails is reported and passed over.

    Returns:
        list[dict]: For each image ``file``, and ``result`` or ``error``.
    """
    names = distinct_names(images)
    console = Console(stderr=True, soft_wrap=True)
    entries = []
    with Progress(console=console) as progress:
        for path in progress.track(images, description='images'):
            entry: Dict[str, Any] = dict(file=str(path))
            try:
                check_image(path)
                entry.update(store(predictor(str(path)), out, names[path]))
            # Whatever it is, the other images are not to suffer.
            except Exception as error:
                entry['error'] = str(error) or type(error).__name__
                console.print(
                    f"{path}: {entry['error']}", markup=False, highlight=False)
            entries.append(entry)
    return entries


def infer(args: argparse.Namespace) -> int:
    """Check the request, then run; returns the number of failed images.

    Raises:
        CommandError: If nothing can be done.
    """
    try:
        images = find_images(args.images)
    except FileNotFoundError as error:
        raise CommandError(f'images: {error}') from error
    with quietly(logging.WARNING):
        cfg = load_config(args)
        try:
            task = recognise_task(cfg)
        except ValueError as error:
            raise CommandError(f'{args.config}: {error}') from error
        out = output_folder(args, cfg)
        predictor = load(args, cfg)
        out.mkdir(parents=True, exist_ok=True)
        entries = process(predictor, images, out)
    head = dict(
        task=task,
        config=args.config,
        checkpoint=args.checkpoint,
        classes=predictor.meta.get('classes'))
    write_json(head, entries, out / _RESULTS)
    num_failed = sum('error' in x for x in entries)
    print(f'{task}: {len(entries) - num_failed} of {len(entries)} images, '
          f'{out / _RESULTS}')
    if num_failed == len(entries):
        raise CommandError('no image could be processed')
    return num_failed


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    failed = []

    def run(args: argparse.Namespace) -> None:
        failed.append(infer(args))

    run.__name__ = infer.__name__  # It begins what run_command prints.
    return run_command(run, parse_args(argv)) or int(any(failed))


if __name__ == '__main__':
    sys.exit(main())
