"""Memory of a training step, the batches that fit, and pre-training time.

The recipes' own models take a step on PyTorch's meta device, where tensors
have no memory, and PyTorch's MemTracker counts them. It is arithmetic:
workspaces of cuDNN and cuBLAS, the CUDA context and the allocator's rounding
and fragmentation come on top, and --reserve is for them.
"""
import argparse
import gc
import json
import logging
import sys
from functools import partial
from typing import Any, Callable, Dict, List, Optional

SIZES = ('atto', 'femto', 'pico', 'nano', 'tiny', 'base', 'large', 'huge')
MODES = dict(dense='', checkpointed='', fcmae='fcmae_')
PRECISIONS = dict(float32='', bf16='bfloat16', fp16='float16')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add('--sizes', nargs='+', choices=SIZES, default=list(SIZES), help='which')
    add('--modes', nargs='+', choices=MODES, default=list(MODES),
        help='fine-tuning an ImageNet classifier, the same with with_cp=True, '
        'or pre-training at mask ratio 0.6')
    add('--shapes', nargs='+', type=int, default=[224, 1024],
        metavar='PIXELS', help='sides of square images')
    add('--precisions', nargs='+', choices=PRECISIONS, default=['bf16'],
        help='float32, or autocast')
    add('--memory', nargs='+', type=float, default=[24, 40, 80, 141],
        metavar='GB', help='of a GPU, 10^9 bytes each')
    add('--reserve', type=float, default=2., metavar='GB',
        help='of it not to be planned with')
    add('--gpus', type=int, default=8,
        help='with several, DDP holds the gradients twice')
    add('--no-ema', action='store_true',
        help='fine-tune without the average of the weights')
    add('--images-per-second', nargs='+', type=float, default=[],
        metavar='RATE', help='of one GPU, for the time of pre-training')
    out = parser.add_mutually_exclusive_group()
    out.add_argument('--json', action='store_true', help='print JSON')
    out.add_argument('--markdown', action='store_true',
                     help='print the tables alone')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mmconvnextv2.cli import run_command
from mmconvnextv2.config.find import find_config
from mmconvnextv2.errors import CommandError
from mmconvnextv2.quiet import quietly
from mmconvnextv2.text import markdown_table

EPOCHS, IMAGENET = (800, 1600), 1_281_167
_GB, _MB, _FLOAT32 = 10**9, 10**6, 4
# Two of few images and two of many: the peak moves to other layers.
_BATCHES = (2, 3, 512, 513)


class CudaAutocast(TorchFunctionMode):
    """CUDA's autocast on the meta device, for what the models here call."""

    def __init__(self, dtype: Optional[torch.dtype]) -> None:
        super().__init__()
        self.types = {} if dtype is None else {
            F.linear: dtype, F.conv2d: dtype, F.layer_norm: torch.float32,
            F.cross_entropy: torch.float32, F.mse_loss: torch.float32}
        self.copies: Optional[Dict[Tensor, Tensor]] = {}

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        kwargs = kwargs or {}
        if func in self.types:
            cast = partial(self._cast, dtype=self.types[func])
            args = tuple(map(cast, args))
            kwargs = {key: cast(x) for key, x in kwargs.items()}
        return func(*args, **kwargs)

    def _cast(self, x: Any, dtype: torch.dtype) -> Any:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            return x
        if self.copies is None or not isinstance(x, nn.Parameter):
            return x.to(dtype)
        return self.copies.setdefault(x, x.to(dtype))  # to the pass's end


def build(size: str, mode: str) -> nn.Module:
    """Build the model of a recipe on the meta device, with gradients."""
    import mmpretrain.models  # noqa: F401
    kind = 'in1k' if mode == 'fcmae' else 'ft_in1k'
    cfg = Config.fromfile(
        find_config(f'{MODES[mode]}convnextv2_{size[0]}_{kind}')).model
    cfg.backbone.with_cp = mode == 'checkpointed'
    with DefaultScope.overwrite_default_scope('mmpretrain'), \
            torch.device('meta'):
        model = MODELS.build(cfg).train()
    for parameter in model.parameters():
        parameter.grad = torch.empty_like(parameter)
    return model


def loss_of(model: nn.Module, images: Tensor) -> Tensor:
    """Calculate the loss of pre-training, or of images that mixup has made."""
    if not hasattr(model.head, 'fc'):
        return model.loss(images)['loss']
    from mmpretrain.structures import DataSample
    scores = images.new_zeros(len(images), model.head.fc.out_features)
    samples = [DataSample().set_gt_score(row) for row in scores]
    return model.loss(images, samples)['loss']


def trace(model: nn.Module, side: int, precision: str,
          batch: int) -> Dict[str, int]:
    """Count bytes beside weights and gradients, kept and at the peak."""
    from torch.distributed._tools.mem_tracker import MemTracker
    tracker = MemTracker()
    tracker.track_external(model)

    def total(moment: str) -> int:
        found = tracker.get_tracker_snapshot(moment)[torch.device('meta')]
        return found['Total'] - 2 * _FLOAT32 * numel(model)

    gc.disable()  # Memory goes with the last reference, and never by chance.
    with tracker, CudaAutocast(
            getattr(torch, PRECISIONS[precision], None)) as autocast:
        images = torch.empty(batch, 3, side, side, device='meta')
        loss = loss_of(model, images)
        autocast.copies = None
        kept = total('current')
        # Function modes are off inside loss.backward().
        torch.autograd.Variable._execution_engine.run_backward(
            (loss, ), (torch.ones_like(loss), ), False, False, (),
            allow_unreachable=True, accumulate_grad=True)
    gc.enable()
    return dict(kept=kept, peak=total('peak'))


def numel(model: nn.Module) -> int:
    """Count parameters."""
    return sum(x.numel() for x in model.parameters())


def measure(model: nn.Module, args: argparse.Namespace, size: str, mode: str,
            side: int, precision: str) -> Dict[str, Any]:
    """Measure a model at an image size and precision, in bytes."""
    found = {n: trace(model, side, precision, n) for n in _BATCHES}
    lines = []  # of the peak by the number of images: fixed, per image
    for a, b in (_BATCHES[:2], _BATCHES[2:]):
        slope = found[b]['peak'] - found[a]['peak']
        lines.append((found[a]['peak'] - a * slope, slope))
    weights = _FLOAT32 * numel(model)
    states = dict(
        weights=weights, gradients=weights, AdamW=2 * weights,
        EMA=0 if args.no_ema or mode == 'fcmae' else weights,
        DDP=weights if args.gpus > 1 else 0)
    free = {f'{gb:g}': int((gb - args.reserve) * _GB) - sum(states.values())
            for gb in args.memory}
    largest = {  # AdamW's step has room for one more copy of the weights.
        gb: max(0, min((x - fixed) // slope for fixed, slope in lines))
        if x >= weights else 0 for gb, x in free.items()}
    return dict(
        size=size, mode=mode, side=side, precision=precision,
        parameters=numel(model), states=states,
        kept_per_image=found[3]['kept'] - found[2]['kept'],
        peak_per_image=lines[1][1], largest_batch=largest)


def tables(models: List[dict], days: Dict[str, dict], gpus: int) -> str:
    """Write all tables in Markdown."""
    parts: Dict[str, tuple] = {}
    for x in models:
        gb = [f'{y / _GB:.2f}' for y in
              (*x['states'].values(), sum(x['states'].values()))]
        name = 'FCMAE' if x['mode'] == 'fcmae' else 'classifier'
        row = [x['size'], name, f"{x['parameters'] / 1e6:.1f}M", *gb]
        _, rows = parts.setdefault('Held at all times, GB', (
            ['size', 'model', 'parameters', *x['states'], 'sum'], []))
        rows += [row] if row not in rows else []
        title = (f"{x['side']} x {x['side']} px, {x['precision']}: MB per "
                 'image, and the most images per GPU')
        memory = [f'{gb} GB' for gb in x['largest_batch']]
        parts.setdefault(
            title, (['size', 'model', 'kept', 'peak', *memory], []))[1].append(
            [x['size'], x['mode'], f"{x['kept_per_image'] / _MB:.1f}",
             f"{x['peak_per_image'] / _MB:.1f}", *x['largest_batch'].values()])
    if days:
        parts[f'Pre-training on ImageNet-1K with {gpus} GPUs, days'] = (
            ['images per second and GPU', *(f'{e} epochs' for e in EPOCHS)],
            [[rate, *(f'{x:.1f}' for x in of_rate.values())]
             for rate, of_rate in days.items()])
    return '\n\n'.join(f'**{title}**\n\n{markdown_table(*table)}'
                       for title, table in parts.items())


def check(args: argparse.Namespace) -> None:
    """Refuse numbers that cannot be."""
    for side in args.shapes:
        if side < 64 or side % 32:
            raise CommandError('--shapes must be multiples of 32 pixels and '
                               f'at least 64, got {side}')
    if args.gpus < 1:
        raise CommandError(f'--gpus must be at least 1, got {args.gpus}')
    if not all(0 < rate < float('inf') for rate in args.images_per_second):
        raise CommandError('--images-per-second must be positive, got '
                           f'{args.images_per_second}')
    if not 0 <= args.reserve < min(args.memory) < float('inf'):
        raise CommandError(
            '--reserve must lie between 0 and the smallest --memory, got '
            f'{args.reserve:g} and {min(args.memory):g} GB')


def capacity(args: argparse.Namespace) -> None:
    """Check the request, then measure and print."""
    check(args)
    models = []
    for size in args.sizes:
        for mode in args.modes:
            with quietly(logging.WARNING):
                model = build(size, mode)
                models += [measure(model, args, size, mode, side, precision)
                           for side in args.shapes
                           for precision in args.precisions]
    days = {f'{rate:g}': {e: IMAGENET * e / (rate * args.gpus) / 86400
                          for e in EPOCHS} for rate in args.images_per_second}
    if args.json:
        print(json.dumps(dict(models=models, pretraining_days=days), indent=2))
        return
    print(tables(models, days, args.gpus))
    if not args.markdown:
        print(f'\nArithmetic, not measured on a GPU; {args.reserve:g} GB are '
              'left for what is no tensor.')


def main(argv: Optional[List[str]] = None) -> int:
    """Run the tool; returns its exit code."""
    return run_command(capacity, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
