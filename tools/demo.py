"""Train Mask R-CNN with ConvNeXt V2 on the shapes data set, evaluate, draw.

Takes a few minutes on two CPU cores and needs no download; `make demo` runs
it. Every run has an output folder of its own under work_dirs/demo.
"""
import argparse
import os
import sys
import time
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from mmconvnextv2.utils.cli import CommandError, require_data, run_command
from mmconvnextv2.utils.demo import Narrator, clock, console, quietly
from mmconvnextv2.visualization import draw_detection_grid

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'maskrcnn_convnextv2_a_shapes.py'
FIGURES = ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP', 'segm_mAP_50')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--config', type=Path, default=CONFIG)
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/demo') / time.strftime('%Y%m%d_%H%M%S'),
        help='output folder, which must not exist (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='settings to override, e.g. model.backbone.frozen_stages=4')
    parser.set_defaults(launcher='none', local_rank=0)
    return parser.parse_args()


def demo(args: argparse.Namespace) -> None:
    """Train, evaluate, draw."""
    if args.work_dir.exists():
        raise CommandError(
            f'{args.work_dir} exists. Choose another --work-dir.')
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options or {})
    cfg.work_dir = str(args.work_dir)
    cfg.randomness = dict(seed=args.seed)
    require_data(cfg, args, ('train', 'val'), initial_weights=True)
    say = console()
    say(f'Training {args.config.stem}; full log in {args.work_dir}')
    start = time.monotonic()
    narrator = Narrator(say)
    with quietly():
        runner = Runner.from_cfg(cfg)
        runner.register_hook(narrator, priority='VERY_LOW')
        runner.train()
        picture = draw_detection_grid(runner.model,
                                      runner.val_dataloader.dataset,
                                      args.work_dir / 'predictions.png')
    say(f'Done in {clock(time.monotonic() - start)}.\n')
    for name in FIGURES:
        say(f"  {name:12s} {narrator.metrics[f'coco/{name}']:.3f}")
    say(closing(args, runner, picture))


def closing(args: argparse.Namespace, runner: Runner, picture: Path) -> str:
    """Where the results are, and what to run next."""
    checkpoint = (args.work_dir / 'last_checkpoint').read_text().strip()
    log = args.work_dir / runner.timestamp / f'{runner.timestamp}.log'
    config = os.path.relpath(args.config)
    python = os.path.relpath(sys.executable)
    return f'''
  log          {log}
  checkpoint   {checkpoint}
  picture      {picture} (ground truth beside prediction)

Next:
  {python} tools/test.py {config} {checkpoint}
  {python} tools/train.py configs/maskrcnn_convnextv2_b_coco.py   # with COCO
'''


if __name__ == '__main__':
    sys.exit(run_command(demo, parse_args()))
