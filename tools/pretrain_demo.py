"""Compare Mask R-CNN from an FCMAE checkpoint with the same from scratch.

Pre-trains FCMAE on the shapes data set, then trains Mask R-CNN from its
checkpoint and from scratch with several seeds. Takes about half an hour on two
CPU cores and needs no download; `make pretrain-demo` runs it.
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmconvnextv2.cli import CommandError, require_file, run_command
from mmconvnextv2.demos.comparison import (
    Curve,
    as_dict,
    cells,
    compare,
    halfway_and_end,
    markdown,
    verdicts,
)
from mmconvnextv2.demos.demo import Say, console, print_table
from mmconvnextv2.demos.pretrain_comparison import (
    ARMS,
    check_settings,
    fine_tune,
    pretrain,
    pretraining,
)
from mmconvnextv2.files import write_text
from mmconvnextv2.quiet import quietly
from mmconvnextv2.visualization.learning_curves import draw_learning_curves

INTERRUPTED = 130  # what shells return for Ctrl-C
TITLES = {
    'coco/bbox_mAP_50': 'box mAP50',
    'coco/segm_mAP_50': 'mask mAP50',
    'coco/bbox_mAP': 'box mAP',
    'coco/segm_mAP': 'mask mAP'
}
MAIN = {key: TITLES[key] for key in ('coco/bbox_mAP', 'coco/segm_mAP')}
DEFAULTS = dict(
    seeds=[0, 1, 2], epochs=6, fcmae_epochs=40, fcmae_checkpoint=None)


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--seeds',
        type=int,
        nargs='+',
        help='of the Mask R-CNNs (default: 0 1 2); with --resume, of a run '
        'that had others, the missing ones are trained')
    parser.add_argument(
        '--epochs',
        type=int,
        help=f"of each Mask R-CNN (default: {DEFAULTS['epochs']})")
    parser.add_argument(
        '--fcmae-epochs',
        type=int,
        help=f"of pre-training (default: {DEFAULTS['fcmae_epochs']})")
    parser.add_argument(
        '--fcmae-checkpoint',
        metavar='FILE',
        help='start from this FCMAE checkpoint of atto and skip pre-training')
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/pretrain_demo') /
        time.strftime('%Y%m%d_%H%M%S'),
        help='output folder, which must not exist (default: %(default)s)')
    where.add_argument(
        '--resume',
        type=Path,
        metavar='DIR',
        help='continue in this output folder; finished runs are kept')
    parser.set_defaults(launcher='none', local_rank=0)
    return parser.parse_args(argv)


def asked_settings(args: argparse.Namespace) -> Dict[str, Any]:
    """The settings that the command line names."""
    if args.fcmae_checkpoint is not None:
        require_file(args.fcmae_checkpoint, '--fcmae-checkpoint')
        args.fcmae_checkpoint = str(Path(args.fcmae_checkpoint).resolve())
    if len(set(args.seeds or ())) < len(args.seeds or ()):
        raise CommandError(f'--seeds: {args.seeds} repeats a seed')
    return {
        key: getattr(args, key)
        for key in DEFAULTS if getattr(args, key) is not None
    }


def read_settings(args: argparse.Namespace) -> Dict[str, Any]:
    """What to run, and where: sets ``args.work_dir`` of a resumed run.

    Raises:
        CommandError: If the folder is not free, or to resume not one of ours,
            or one of a run with other settings.
    """
    asked = asked_settings(args)
    if args.resume is None:
        if args.work_dir.exists():
            raise CommandError(f'{args.work_dir} exists. Choose another '
                               '--work-dir, or continue with --resume '
                               f'{args.work_dir}')
        return {**DEFAULTS, **asked}
    args.work_dir = args.resume
    file = args.work_dir / 'settings.json'
    if not file.is_file():
        raise CommandError(f'--resume: {args.work_dir} is no output folder of '
                           f'this tool: there is no {file}')
    settings = json.loads(file.read_text())
    for key in asked:
        if key != 'seeds' and asked[key] != settings[key]:
            raise CommandError(
                f"--{key.replace('_', '-')}: {args.work_dir} was made with "
                f'{settings[key]}, not {asked[key]}; only --seeds can change')
    return {**settings, **asked}


def write_report(curves: Dict[str, Dict[int, Curve]],
                 settings: Dict[str, Any], root: Path, say: Say) -> None:
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
        pretraining=pretraining(root),
        rows=[as_dict(row) for row in rows])
    write_text(root / 'results.json', json.dumps(results, indent=1) + '\n')
    write_text(root / 'results.md',
                f'{markdown(header, lines)}\n{note}\n\n{verdict}\n')
    draw_learning_curves(rows, TITLES, list(ARMS.values()),
                         root / 'learning_curves.png')
    print_table(header, lines)
    say(f'{note}\n{verdict}\n')
    for name in ('results.md', 'results.json', 'learning_curves.png',
                 'reconstruction.png'):
        if (root / name).is_file():
            say(f'  {root / name}')


def pretrain_demo(args: argparse.Namespace) -> None:
    """Pre-train, fine-tune, compare."""
    settings = read_settings(args)
    root = args.work_dir
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
