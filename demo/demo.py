"""Train a model with ConvNeXt V2 on the shapes data set, evaluate, draw.

Takes minutes on two CPU cores and needs no download; `make demo TASK=...` runs
it. Every run has an output folder of its own under work_dirs/demo.
"""
import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Tuple

_TASKS = ('maskrcnn', 'cascade_maskrcnn', 'upernet', 'classification')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add('--task', choices=_TASKS, default=_TASKS[0], help='what is learned')
    add('--config', type=Path, help="of that task (default: the task's own)")
    add('--work-dir', type=Path,
        default=Path('work_dirs/demo') / time.strftime('%Y%m%d_%H%M%S'),
        help='output folder, which must not exist (default: %(default)s)')
    add('--seed', type=int, default=0)
    add('--cfg-options', nargs='+', metavar='KEY=VALUE',
        help='settings to override, e.g. model.backbone.frozen_stages=4')
    return parser.parse_args()


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

from _prediction_grids import (
    draw_classification_grid,
    draw_detection_grid,
    draw_segmentation_grid,
)
from _training import clock, console, train
from mmengine.device import get_device
from mmengine.runner import Runner

from mmconvnextv2.cli import read_settings, require_data, run_command
from mmconvnextv2.config.check import read_config, require_names
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.engine.cpu import fit_amp_to_cpu, has_fast_bf16
from mmconvnextv2.errors import CommandError
from mmconvnextv2.quiet import quietly


class Task(NamedTuple):
    """Settings of a task."""

    config: str  # the name of what is trained
    metrics: Tuple[str, ...]  # to print
    draw: Callable  # draws predictions of a model on a data set
    legend: str  # what the picture shows
    full: Tuple[str, str]  # name of a config for the real data, and theirs
    options: Mapping[str, Any] = {}  # settings that replace the config's


# A third of the time of a step goes into boxes that are learnt from.
_FEWER_BOXES = {'model.train_cfg.rcnn.sampler.num': 48,
                'model.train_cfg.rpn_proposal.nms_pre': 200,
                'model.train_cfg.rpn_proposal.max_per_img': 100}
_COCO = ('coco/bbox_mAP', 'coco/bbox_mAP_50', 'coco/segm_mAP',
         'coco/segm_mAP_50')
TASKS = {
    'maskrcnn': Task(
        'maskrcnn_convnextv2_a_shapes', _COCO, draw_detection_grid,
        'ground truth beside prediction',
        ('maskrcnn_convnextv2_b_coco', 'COCO'), _FEWER_BOXES),
    'cascade_maskrcnn': Task(
        'cascade_maskrcnn_convnextv2_a_shapes', _COCO, draw_detection_grid,
        'ground truth beside prediction',
        ('cascade_maskrcnn_convnextv2_b_coco', 'COCO')),
    'upernet': Task(
        'upernet_convnextv2_a_shapes', ('mIoU', 'mAcc', 'aAcc'),
        draw_segmentation_grid, 'image, ground truth, prediction',
        ('upernet_convnextv2_b_ade20k', 'ADE20K')),
    'classification': Task(
        'convnextv2_a_ft_shapes', ('accuracy/top1', ),
        draw_classification_grid, 'true and predicted classes',
        ('convnextv2_b_ft_in1k', 'ImageNet')),
}


def demo(args: argparse.Namespace) -> None:
    """Train, evaluate, draw."""
    if args.work_dir.exists():
        raise CommandError(
            f'{args.work_dir} exists. Choose another --work-dir.')
    task = TASKS[args.task]
    config = args.config or configs_folder() / f'{task.config}.py'
    options = {} if args.config else dict(task.options)
    if get_device() == 'cpu' and has_fast_bf16():
        options['optim_wrapper.type'] = 'AmpOptimWrapper'  # bfloat16
    options.update(read_settings(args.cfg_options) or {})
    say = console()
    cfg = read_config(config, options, say)
    fit_amp_to_cpu(cfg, say)
    args.config = str(config)
    cfg.work_dir = str(args.work_dir)
    cfg.randomness = dict(seed=args.seed)
    require_data(cfg, args, ('train', 'val'), initial_weights=True)
    with quietly():
        require_names(cfg, ('train', 'val'))
    picture = args.work_dir / 'predictions.png'

    def draw(runner: Runner) -> Path:
        task.draw(runner.model, runner.val_dataloader.dataset, picture)
        return picture

    say(f'Training {config.stem}; full log in {args.work_dir}, curves.png and '
        'predictions.png there are renewed every minute')
    with quietly():
        done = train(cfg, say, interval=20, draw=draw)
        runner = done['runner']
        draw(runner)
    say(f"Done in {clock(done['seconds'])}.\n")
    metrics = done['curve'][-1][1]
    for name in task.metrics:
        say(f"  {name.rpartition('/')[2]:12s} {metrics[name]:.3f}")
    checkpoint = args.work_dir / done['checkpoint']
    log = args.work_dir / runner.timestamp / f'{runner.timestamp}.log'
    full, data = task.full
    python = os.path.relpath(sys.executable)
    say(f'''
  log          {log}
  checkpoint   {checkpoint}
  picture      {picture.resolve().as_uri()} ({task.legend})
  curves       {(args.work_dir / 'curves.png').resolve().as_uri()}

Next:
  {python} tools/test.py {os.path.relpath(config)} {checkpoint}
  {python} tools/train.py configs/{full}.py   # with {data}
''')


if __name__ == '__main__':
    sys.exit(run_command(demo, parse_args()))
