"""Each Triton kernel against the layers that it stands for, on a GPU.

A step is a forward and a backward pass, at the maps of an arch's four stages:
by PyTorch's layers, by the same through torch.compile, and by our kernels; all
as CUDA graphs, so that no time is lost on the way to the GPU.
Bytes are those that our passes move at least, neighbours read once (see
``mmconvnextv2/ops/triton/``), over the bandwidth that a copy reaches.

    python benchmarks/kernels.py [--arch tiny] [--batch 128] [--repeats 5] \
        [--dtype bfloat16]
"""
import argparse
import statistics
from typing import Callable, Dict, List, Tuple

import torch
from bounds import bandwidth, copy
from devices import dtype_of, graphed, machine
from rich.console import Console
from rich.table import Table
from timing import alternate, one_arch_parser, ratio
from torch import Tensor

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers.masked_layout import PackedPatches
from mmconvnextv2.ops.double_backward import gelu_grn_by_layers
from mmconvnextv2.ops.triton.depthwise_norm import (
    depthwise_norm,
    depthwise_norm_by_layers,
)
from mmconvnextv2.ops.triton.gelu_grn import gelu_grn

LAYERS, COMPILED, TRITON = 'layers', 'torch.compile', 'Triton'
GRID, VISIBLE, EPS = 7, 19, 1e-6
CALLS = 20  # in a round
# Entries that all passes of a step read and write, for each of the map.
MOVED = dict(depthwise_norm=10, gelu_grn=8)
Step = Callable[[], None]


def step(function: Callable[..., Tensor], leaves: List[Tensor],
         *rest) -> Step:
    """Forward and backward pass, ``CALLS`` times."""
    leaves = [x.detach().requires_grad_() for x in leaves]
    grad = torch.randn_like(leaves[0])

    def run() -> None:
        for _ in range(CALLS):
            torch.autograd.grad(function(*leaves, *rest), leaves, grad)

    return graphed(run)


def stages(args: argparse.Namespace) -> List[Tuple[int, int]]:
    """Channels and side of the maps at 224 pixels."""
    with torch.device('meta'):
        channels = ConvNeXtV2(args.arch).channels
    return [(c, 56 >> i) for i, c in enumerate(channels)]


def parameters(channels: int, with_conv: bool) -> List[Tensor]:
    """Weights, of the convolution and of a norm."""
    shapes = [(channels, )] * 2
    if with_conv:
        shapes = [(channels, 1, 7, 7), (channels, ), *shapes]
    return [torch.randn(shape, device='cuda') for shape in shapes]


def packed(channels: int, side: int, args: argparse.Namespace) -> Tuple:
    """Runs of the visible patches, and where they lie."""
    is_masked = torch.rand(args.batch, GRID**2).argsort(1) >= VISIBLE
    patch = side // GRID
    layout = PackedPatches(is_masked.view(-1, GRID, GRID), [patch],
                           torch.device('cuda'))
    runs = torch.randn(args.batch * VISIBLE * patch, patch, channels,
                       device='cuda', dtype=dtype_of(args))
    return runs, layout._runs[patch]


def cases(channels: int, side: int, args: argparse.Namespace) -> Dict:
    """By name: the kernel, its twin, leaves and what else they take."""
    kwargs = dict(device='cuda', dtype=dtype_of(args))
    x = torch.randn(args.batch, side, side, channels, **kwargs)
    runs, where = packed(channels, side, args)
    wide = torch.randn(args.batch, side**2, 4 * channels, **kwargs)
    depthwise = depthwise_norm, depthwise_norm_by_layers
    weights = parameters(channels, True)
    return {
        'depthwise_norm': (*depthwise, [x, *weights], (EPS, )),
        'depthwise_norm, packed': (*depthwise, [runs, *weights], (EPS, where)),
        'gelu_grn': (gelu_grn, gelu_grn_by_layers,
                     [wide, *parameters(4 * channels, False)], (EPS, )),
    }


def measure(table: Table, name: str, case: Tuple, title: str,
            args: argparse.Namespace) -> None:
    """Time one kernel at one stage and add a row."""
    kernel, twin, leaves, rest = case
    torch.compiler.reset()
    runs = {
        LAYERS: step(twin, leaves, *rest),
        COMPILED: step(torch.compile(twin, dynamic=False), leaves, *rest),
        TRITON: step(kernel, leaves, *rest),
    }
    seconds = alternate({**runs, **copy(args)}, args.repeats)
    moved = MOVED[name.split(',')[0]] * leaves[0].nbytes
    bound = moved / bandwidth(seconds, args)
    medians = {k: statistics.median(seconds[k]) / CALLS for k in runs}
    table.add_row(
        name, title, *(f'{1000 * medians[k]:.3f}' for k in runs),
        *(f'{ratio(seconds[k], seconds[TRITON]):.2f}x'
          for k in (LAYERS, COMPILED)),
        f'{100 * bound / medians[TRITON]:.0f} %')


def main() -> None:
    """Measure and print."""
    parser = one_arch_parser(__doc__)
    parser.set_defaults(batch=128, dtype='bfloat16')
    args = parser.parse_args()
    if args.device == 'cpu':
        parser.error('the kernels run on a GPU')
    torch.manual_seed(0)
    table = Table('kernel', 'map', f'{LAYERS}, ms', f'{COMPILED}, ms',
                  f'{TRITON}, ms', 'over layers', f'over {COMPILED}',
                  'of the bandwidth',
                  title=f'{args.arch}, {args.batch} images, {args.dtype}')
    for channels, side in stages(args):
        for name, case in cases(channels, side, args).items():
            measure(table, name, case, f'{side} x {side} x {channels}', args)
    console = Console(width=110)
    console.print(table)
    console.print(f'Medians of {args.repeats} alternating rounds of {CALLS} '
                  f'calls; {machine(args.device)}')


if __name__ == '__main__':
    main()
