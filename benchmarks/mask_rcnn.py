"""Mask R-CNN on a CPU: whole training steps and predictions.

The config maskrcnn_convnextv2_t_coco with our backbone and with mmpretrain's,
same weights, one image with ten objects. A step is all that an iteration
does: losses, backward pass, AdamW. bfloat16 is what --amp means there.
The classifier's random weights are larger than they are at the start of
training, so that a prediction has 100 boxes and masks.

    python benchmarks/mask_rcnn.py [--kinds training prediction] \
        [--size 800 1280] [--repeats 3] [--only 'mmpretrain, float32' ...]
"""
import argparse
import contextlib
import copy
import logging
import statistics
from typing import Callable, ContextManager, Dict

import torch
from devices import machine
from mmdet.testing import demo_mm_inputs
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from rich.console import Console
from rich.table import Table
from timing import alternate, ratio
from torch import nn

from mmconvnextv2.config.find import find_config
from mmconvnextv2.engine.cpu import spared_operators

OURS, BF16 = 'mmconvnextv2', 'bfloat16'
CLASSIFIER_SCALE = 10


def detectors() -> Dict[str, nn.Module]:
    """Build ours and the same with mmpretrain's backbone."""
    cfg = Config.fromfile(find_config('maskrcnn_convnextv2_t_coco')).model
    del cfg.backbone['init_cfg']
    ours = MODELS.build(cfg)
    with torch.no_grad():
        for name, p in ours.named_parameters():
            if name.endswith(('grn.gamma', 'grn.beta')):
                p.normal_(std=0.1)
        ours.roi_head.bbox_head.fc_cls.weight.mul_(CLASSIFIER_SCALE)
    cfg.backbone.update(type='mmpretrain.ConvNeXt', use_grn=True,
                        layer_scale_init_value=0.)
    theirs = MODELS.build(cfg)
    theirs.load_state_dict(ours.state_dict())
    return {OURS: ours, 'mmpretrain': theirs}


def training(model: nn.Module, name: str, data: dict) -> Callable[[], None]:
    """A training step."""
    kind = 'CPUAmpOptimWrapper' if name.endswith(BF16) else 'OptimWrapper'
    wrapper = build_optim_wrapper(model, dict(
        type=kind, optimizer=dict(type='AdamW', lr=1e-6)))

    def run() -> None:
        torch.manual_seed(0)  # The same boxes sampled, the same paths dropped.
        model.train().train_step(copy.deepcopy(data), wrapper)

    return run


def prediction(model: nn.Module, name: str, data: dict) -> Callable[[], None]:
    """A prediction, from the image to boxes and masks."""

    def precision() -> ContextManager:
        stack = contextlib.ExitStack()
        if name.endswith(BF16):
            stack.enter_context(torch.autocast('cpu', torch.bfloat16))
            stack.enter_context(spared_operators(model))
        return stack

    @torch.no_grad()
    def run() -> None:
        model.eval()
        with precision():
            found, = model.test_step(copy.deepcopy(data))
        if len(found.pred_instances) != model.test_cfg.rcnn.max_per_img:
            raise RuntimeError(f'{name}: {len(found.pred_instances)} boxes')

    return run


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = dict(training=training, prediction=prediction)
    parser.add_argument('--kinds', nargs='+', choices=kinds, default=kinds)
    parser.add_argument('--size', type=int, nargs=2, default=[800, 1280])
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--only', nargs='+', metavar='NAME')
    args = parser.parse_args()
    logging.disable(logging.INFO)
    register_all_modules(init_default_scope=False)
    torch.manual_seed(0)
    console = Console(width=100)
    data = demo_mm_inputs(1, [(3, *args.size)], num_classes=80,
                          num_items=[10], with_mask=True)
    with DefaultScope.overwrite_default_scope('mmdet'):
        both = {f'{name}, {dtype}': model
                for name, model in detectors().items()
                for dtype in ('float32', BF16)}
        both = {k: x for k, x in both.items() if k in (args.only or both)}
        for kind in args.kinds:
            runs = {name: kinds[kind](model, name, data)
                    for name, model in both.items()}
            seconds = alternate(runs, args.repeats, warmup=1)
            last = list(seconds.values())
            table = Table(kind, 'median s', *(f'over {x}' for x in runs),
                          'all')
            for name, found in seconds.items():
                table.add_row(
                    name, f'{statistics.median(found):.2f}',
                    *(f'{ratio(found, x):.2f}x' for x in last),
                    ' '.join(f'{x:.2f}' for x in found))
            console.print(table)
    console.print(f'Medians of {args.repeats} alternating rounds; '
                  f'{machine("cpu")}')


if __name__ == '__main__':
    main()
