"""Compare Mask R-CNN from an FCMAE checkpoint with the same from scratch.

Pre-trains FCMAE on the shapes data set, then trains Mask R-CNN from its
checkpoint and from scratch with several seeds. Takes about half an hour on two
CPU cores and needs no download; `make pretrain-demo` runs it.
"""
import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

DEFAULTS = dict(
    seeds=[0, 1, 2], epochs=6, fcmae_epochs=40, fcmae_checkpoint=None)


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('--seeds', type=int, nargs='+',
        help='of the Mask R-CNNs (default: 0 1 2); with --resume, of a run '
        'that had others, the missing ones are trained')
    add('--epochs', type=int,
        help=f"of each Mask R-CNN (default: {DEFAULTS['epochs']})")
    add('--fcmae-epochs', type=int,
        help=f"of pre-training (default: {DEFAULTS['fcmae_epochs']})")
    add('--fcmae-checkpoint', metavar='FILE',
        help='start from this FCMAE checkpoint of atto and skip pre-training')
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--work-dir', type=Path,
        default=Path('work_dirs/pretrain_demo') /
        time.strftime('%Y%m%d_%H%M%S'),
        help='output folder, which must not exist (default: %(default)s)')
    where.add_argument(
        '--resume', type=Path, metavar='DIR',
        help='continue in this output folder; finished runs are kept')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from _comparison import (
    cells,
    compare,
    draw_learning_curves,
    halfway_and_end,
    verdicts,
)
from _training import (
    INTERRUPTED,
    Say,
    clock,
    console,
    finish,
    finished,
    short_config,
    train,
)
from mmengine.config import Config
from mmengine.registry import MODELS

from mmconvnextv2.checkpoint import CheckpointError
from mmconvnextv2.cli import refused, require_data, require_file, run_command
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import write_text
from mmconvnextv2.quiet import quietly
from mmconvnextv2.text import markdown_table

FCMAE = 'fcmae_convnextv2_a_shapes.py'
DETECTOR = 'maskrcnn_convnextv2_a_shapes.py'
# Words for each way of training.
ARMS = dict(scratch='from scratch', pretrained='from FCMAE')
TITLES = {
    'coco/bbox_mAP_50': 'box mAP50', 'coco/segm_mAP_50': 'mask mAP50',
    'coco/bbox_mAP': 'box mAP', 'coco/segm_mAP': 'mask mAP'
}
MAIN = {key: TITLES[key] for key in ('coco/bbox_mAP', 'coco/segm_mAP')}


def read_settings(args: argparse.Namespace) -> Dict[str, Any]:
    """Read what to run from the arguments, or from the folder to resume in.

    Raises:
        CommandError: If the folder is not free, or the one to resume in was
            made by another tool or with other settings.
    """
    if args.fcmae_checkpoint is not None:
        require_file(args.fcmae_checkpoint, '--fcmae-checkpoint')
        args.fcmae_checkpoint = str(Path(args.fcmae_checkpoint).resolve())
    if len(set(args.seeds or ())) < len(args.seeds or ()):
        raise CommandError(f'--seeds: {args.seeds} repeats a seed')
    asked = {key: getattr(args, key) for key in DEFAULTS
             if getattr(args, key) is not None}
    if args.resume is None:
        if args.work_dir.exists():
            raise CommandError(f'{args.work_dir} exists. Choose another '
                               '--work-dir, or continue with --resume '
                               f'{args.work_dir}')
        return {**DEFAULTS, **asked}
    file = args.resume / 'settings.json'
    if not file.is_file():
        raise CommandError(f'--resume: {args.resume} is no output folder of '
                           f'this tool: there is no {file}')
    settings = json.loads(file.read_text())
    for key in asked:
        if key != 'seeds' and asked[key] != settings[key]:
            raise CommandError(
                f"--{key.replace('_', '-')}: {args.resume} was made with "
                f'{settings[key]}, not {asked[key]}; only --seeds can change')
    return {**settings, **asked}


def fcmae_config(settings: Mapping[str, Any], root: Path) -> Config:
    """Configure pre-training to go on where an earlier run stopped."""
    work_dir = root / 'fcmae'
    cfg = short_config(FCMAE, work_dir, settings['fcmae_epochs'], seed=0)
    cfg.default_hooks.checkpoint.update(interval=1)
    latest = work_dir / 'last_checkpoint'
    if latest.is_file():
        # Holds a path as seen from where that run was started.
        cfg.load_from = str(work_dir / Path(latest.read_text().strip()).name)
        cfg.resume = True
    return cfg


def detector_config(settings: Mapping[str, Any], root: Path, arm: str,
                    seed: int, checkpoint: str) -> Config:
    """Configure Mask R-CNN; the arms differ in the backbone's start alone."""
    epochs = settings['epochs']
    cfg = short_config(DETECTOR, root / f'{arm}_seed{seed}', epochs, seed)
    cfg.train_cfg.val_interval = 1
    cfg.default_hooks.checkpoint.update(
        interval=epochs, save_best=None, save_optimizer=False)
    if arm == 'pretrained':
        cfg.model.backbone.init_cfg = dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')
    return cfg


def check_settings(settings: Mapping[str, Any], root: Path,
                   args: argparse.Namespace) -> None:
    """Check what can be checked before any training.

    Raises:
        CommandError: If data are missing, a schedule has no epoch, or the
            given checkpoint does not fit.
    """
    detector = detector_config(settings, root, 'scratch', 0, '')
    for cfg, splits in ((fcmae_config(settings, root), ('train', )),
                        (detector, ('train', 'val'))):
        args.config = cfg.filename
        require_data(cfg, args, splits, initial_weights=False)
    checkpoint = settings['fcmae_checkpoint']
    if checkpoint is None:
        return
    backbone = detector_config(settings, root, 'pretrained', 0,
                               checkpoint).model.backbone
    with quietly(), refused('--fcmae-checkpoint', CheckpointError):
        MODELS.build(backbone).init_weights()


def pretrain(settings: Mapping[str, Any], root: Path, say: Say) -> str:
    """Pre-train, unless that is done or a checkpoint is given.

    Returns:
        str: The checkpoint.
    """
    if settings['fcmae_checkpoint']:
        return settings['fcmae_checkpoint']
    folder = root / 'fcmae'
    if finished(folder) is None:
        cfg = fcmae_config(settings, root)
        say('\nFCMAE pre-training (a loss of 1: the mean of each patch)')
        if cfg.resume:
            say(f'  continuing from {cfg.load_from}')
        result = train(cfg, say)
        picture = max(folder.rglob('reconstruction_*.png'),
                      key=lambda path: path.stat().st_mtime)
        shutil.copyfile(picture, root / 'reconstruction.png')
        finish(folder, result)
    found = finished(folder)
    say(f"  pre-trained: loss {found['loss']:.3f} in the last epoch")
    return str(folder / found['checkpoint'])


def fine_tune(settings: Mapping[str, Any], root: Path, checkpoint: str,
              say: Say) -> Dict[str, List]:
    """Train the detectors that are not done yet, both arms of a seed in turn.

    An interrupted one starts again, so that all of them see the same data in
    the same order.

    Returns:
        dict[str, list]: Evaluations of each seed, by arm.
    """
    runs = [(arm, seed) for seed in settings['seeds'] for arm in ARMS]
    curves: Dict[str, List] = {arm: [] for arm in ARMS}
    spent: List[float] = []
    for index, (arm, seed) in enumerate(runs):
        mean = sum(spent) / max(len(spent), 1)
        left = f', about {clock(mean * (len(runs) - index))} left in all'
        say(f'\nMask R-CNN {ARMS[arm]}, seed {seed} (run {index + 1} of '
            f"{len(runs)}{left if spent else ''})")
        cfg = detector_config(settings, root, arm, seed, checkpoint)
        folder = Path(cfg.work_dir)
        if finished(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            finish(folder, train(cfg, say))
            spent.append(finished(folder)['seconds'])
        else:
            say('  done before')
        curves[arm].append(finished(folder)['curve'])
    return curves


def write_report(curves: Dict[str, List], settings: Dict[str, Any],
                 root: Path, say: Say) -> None:
    """Compare the runs: results.json, results.md, a plot and the terminal."""
    rows = compare(*(curves[arm] for arm in ARMS), TITLES)
    header = ['iterations', 'shapes, val', *ARMS.values(), 'difference']
    lines = cells(halfway_and_end(rows), TITLES)
    seeds = settings['seeds']
    note = ('One run of each: the noise between seeds is unknown.'
            if len(seeds) == 1 else
            f'Mean ± sample standard deviation over {len(seeds)} seeds; the '
            'difference is taken seed by seed.')
    verdict = '\n'.join(verdicts(rows, MAIN))
    results = dict(
        settings=settings,
        pretraining=finished(root / 'fcmae'),
        rows=[row.as_dict() for row in rows])
    write_text(root / 'results.json', json.dumps(results, indent=1) + '\n')
    report = f'{markdown_table(header, lines)}\n\n{note}\n\n{verdict}\n'
    write_text(root / 'results.md', report)
    draw_learning_curves(rows, TITLES, list(ARMS.values()),
                         root / 'learning_curves.png')
    say(f'\n{report}')
    for name in ('results.md', 'results.json', 'learning_curves.png',
                 'reconstruction.png'):
        if (root / name).is_file():
            say(f'  {root / name}')


def pretrain_demo(args: argparse.Namespace) -> None:
    """Pre-train, fine-tune, compare."""
    settings = read_settings(args)
    root = args.resume or args.work_dir
    check_settings(settings, root, args)
    say = console()
    root.mkdir(parents=True, exist_ok=True)
    write_text(root / 'settings.json', json.dumps(settings) + '\n')
    say(f'Everything is written to {root}')
    with quietly():
        checkpoint = pretrain(settings, root, say)
        curves = fine_tune(settings, root, checkpoint, say)
    write_report(curves, settings, root, say)


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    args = parse_args(argv)
    try:
        return run_command(pretrain_demo, args)
    except KeyboardInterrupt:
        root = args.resume or args.work_dir
        if (root / 'settings.json').is_file():
            print(
                f'\nInterrupted. Finished runs are kept; continue with\n'
                f'  {os.path.relpath(sys.executable)} '
                f'{os.path.relpath(__file__)} --resume {root}',
                file=sys.stderr)
        return INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
