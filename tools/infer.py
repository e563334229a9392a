"""Run a model on images: pictures of its predictions, and JSON."""
import argparse
import contextlib
import functools
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Dict, Iterator, List, Optional

_EPILOG = """\
The config sets the task: detection, segmentation, classification, or
reconstruction by FCMAE.

Written to --out:
  results.json    for each image its result or the error; see the README
  pictures/       a picture for each image
  label_maps/     for segmentation, the class of each pixel as its grey level,
                  of 16 bits if a class is above 255

Exit code: 0 if all went well, 1 if some images failed, 2 if nothing could be
done, 75 if Ctrl-C or SIGTERM stopped it: the image is finished, and
results.json holds what there is, with "complete": false. A second Ctrl-C ends
it at once.
"""


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add('images', type=Path, help='an image, or a folder of images')
    add('--config', required=True, help='path or name of a config')
    add('--checkpoint', required=True, help='path or URL of the weights')
    add('--entry',
        help='key of the state dict in the checkpoint, such as model_ema '
        '(default: state_dict or model if there is one, else the whole file)')
    add('--out', type=Path,
        help='folder for the results, new or empty (default: '
        'work_dirs/NAME_OF_CONFIG/infer)')
    add('--force', action='store_true',
        help='write into a folder that is not empty; files of the same name '
        'are replaced')
    add('--device', help='cpu, cuda, cuda:1 ... (default: a GPU if any)')
    add('--amp', action='store_true',
        help='mixed precision: float16 on GPUs, bfloat16 on CPUs that have '
        'fast instructions for it')
    add('--score-thr', type=float, default=0.3,
        help='detection: lowest score (default: %(default)s)')
    add('--size', type=int, default=224,
        help='reconstruction: shorter side of the resized image, in pixels; '
        'both sides are then cropped to whole patches (default: %(default)s)')
    add('--seed', type=int, default=0,
        help='reconstruction: seed of the mask (default: %(default)s)')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner.amp import autocast
from rich.console import Console
from rich.progress import Progress

from mmconvnextv2 import cli
from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import CommandError, refused
from mmconvnextv2.engine.cpu import spared_operators, takes_amp
from mmconvnextv2.engine.hooks.preemption_hook import STOPPED
from mmconvnextv2.images import SUFFIXES, check_image, list_images
from mmconvnextv2.inference import predict
from mmconvnextv2.inference.results import store, write_results
from mmconvnextv2.quiet import quietly
from mmconvnextv2.text import first_of


def output_folder(args: argparse.Namespace, cfg: Config) -> Path:
    """Choose the folder for the results.

    Raises:
        CommandError: If it is not a folder, or not empty without ``--force``.
    """
    out = args.out or Path('work_dirs', Path(cfg.filename).stem, 'infer')
    if out.exists() and not out.is_dir():
        raise CommandError(f'--out: {out} is not a folder')
    if out.is_dir() and any(out.iterdir()) and not args.force:
        raise CommandError(f'--out: {out} is not empty; choose another folder '
                           'or --force')
    return out


def build_predictor(args: argparse.Namespace,
                    cfg: Config) -> predict.Predictor:
    """Build the model and load the weights.

    Raises:
        CommandError: If that cannot be done.
    """
    cli.require_file(args.checkpoint, '--checkpoint')
    # PyTorch raises AssertionError where it was built for the CPU only.
    with refused(f'--device {args.device}', AssertionError, RuntimeError):
        torch.empty(1, device=args.device)
    options = dict(device=args.device, score_thr=args.score_thr,
                   size=args.size, seed=args.seed, entry=args.entry)
    with refused(f'{args.config} needs a package', ModuleNotFoundError), \
            refused(args.config, ValueError), \
            refused('--checkpoint', CheckpointError):
        return predict.build_predictor(cfg, args.checkpoint, **options)


def names_of(images: List[Path]) -> List[str]:
    """Name the pictures of images: without suffix unless two would clash."""
    stems = [path.stem.lower() for path in images]
    return [path.stem if stems.count(stem) == 1 else path.name
            for path, stem in zip(images, stems)]


@contextlib.contextmanager
def noted_signals() -> Iterator[List[str]]:
    """Note the names of signals that ask to stop, in a list."""
    asked: List[str] = []

    def note(number: int, frame: Optional[FrameType]) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(signal.Signals(number).name)
        os.write(2, f'\n{asked[0]}: stopping after this image.\n'.encode())

    numbers = signal.SIGINT, signal.SIGTERM
    former = [signal.signal(number, note) for number in numbers]
    try:
        yield asked
    finally:
        for number, handler in zip(numbers, former):
            signal.signal(number, handler)


def process(predictor: predict.Predictor, images: List[Path], out: Path,
            asked: List[str]) -> List[Dict[str, Any]]:
    """Predict image by image; report failures and go on.

    Args:
        predictor (Predictor): The predictor.
        images (list[Path]): The images.
        out (Path): The folder for pictures.
        asked (list[str]): Anything in it stops this after an image.

    Returns:
        list[dict]: For each image ``file``, and ``result`` or ``error``.
    """
    console = Console(stderr=True, soft_wrap=True)
    entries = []
    with Progress(console=console) as progress:
        tracked = progress.track(images, description='images')
        for path, name in zip(tracked, names_of(images)):
            if asked:
                break
            entry: Dict[str, Any] = dict(file=str(path))
            try:
                check_image(path)
                entry.update(store(predictor(str(path)), out, name))
            except Exception as error:  # No image may stop the others.
                entry['error'] = str(error) or type(error).__name__
                console.print(
                    f"{path}: {entry['error']}", markup=False, highlight=False)
            entries.append(entry)
    return entries


def say_passed_over(folder: Path, images: List[Path]) -> None:
    """Count the files of a folder that are no images by their suffix."""
    read = set(images)
    others = [x.name for x in folder.iterdir()
              if x.is_file() and x not in read] if folder.is_dir() else []
    if others:
        print(f'{folder}: files passed over: {len(others)} '
              f'({first_of(sorted(others))}); images end in '
              f'{", ".join(SUFFIXES)}', file=sys.stderr)


def infer(args: argparse.Namespace) -> None:
    """Check the request, then predict; set ``args.failed`` and ``stopped``.

    Raises:
        CommandError: If nothing can be done.
    """
    with refused('images', FileNotFoundError):
        images = list_images(args.images)
    say_passed_over(args.images, images)
    with quietly(logging.WARNING):
        cfg = cli.load_config(args)
        with refused(args.config, ValueError):
            task = predict.recognise_task(cfg)
        out = output_folder(args, cfg)
        predictor = build_predictor(args, cfg)
        if predictor.remark:
            print(predictor.remark, file=sys.stderr)
        out.mkdir(parents=True, exist_ok=True)
        device = torch.device(args.device or get_device()).type
        # Not to stdout, which is muted here.
        say = functools.partial(print, file=sys.stderr)
        amp = args.amp and takes_amp(say, args.device)
        with noted_signals() as asked, autocast(device, enabled=amp), \
                spared_operators(predictor.inferencer.model, amp):
            entries = process(predictor, images, out, asked)
    args.stopped = len(entries) < len(images)
    head = dict(task=task, config=args.config, checkpoint=args.checkpoint,
                classes=predictor.classes.get('classes'),
                complete=not args.stopped, num_images=len(images))
    file = out / 'results.json'
    write_results(head, entries, file)
    args.failed = sum('error' in x for x in entries)
    good = len(entries) - args.failed
    stopped = f', stopped by {asked[0]}' if args.stopped else ''
    print(f'{task}: {good} of {len(images)} images, {file}{stopped}')
    if not good and not args.stopped:
        raise CommandError('no image could be processed')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    args = parse_args(argv)
    code = cli.run_command(infer, args)
    return code or (STOPPED if args.stopped else int(args.failed > 0))


if __name__ == '__main__':
    sys.exit(main())
