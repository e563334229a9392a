"""Where the time of a training step goes, and how far the bounds are.

By PyTorch's profiler, for the dense backbone, FCMAE's packed encoder and,
with ``--rivals``, mmpretrain's ConvNeXt: the operators' own time, summed up by
kind. Beside it two bounds: all products at the machine's matrix rate, and what
the backward pass needs, written and read once, at its memory bandwidth.

    python benchmarks/operators.py [--arch tiny] [--batch 8] [--rivals] \
        [--device cuda] [--dtype bfloat16]
"""
import argparse
import logging
import statistics
import time
from typing import Callable, Dict, List, Tuple

import torch
from backbones import Contender, contenders, ours
from bounds import bandwidth, copy, flops, matrix_product, matrix_rate
from devices import autocast, by_triton, machine, synchronize
from memory import saved_bytes
from rich.console import Console
from rich.table import Table
from timing import alternate, one_arch_parser
from torch import Tensor
from torch.profiler import profile

from mmconvnextv2 import ConvNeXtV2

SIZE, GRID, VISIBLE = 224, 7, 19
# The first kind one of whose words is in an operator's name, or a kernel's.
KINDS = (
    ('our Triton kernels', ('convolution_and_norm', 'gradient_of_weight',
                            'gradient_of_norm', 'gradient_of_input',
                            'square_sums', 'scale_and_shift',
                            'gradient_sums')),
    ('matrix products', ('::mm', 'addmm', 'bmm', '_linear_pointwise', 'gemm',
                         'nvjet', 'cutlass', 'splitK')),
    ('depthwise convolutions', ('depthwise', )),
    ('convolutions', ('conv', 'cudnn', 'dgrad', 'wgrad', 'fprop')),
    ('GELU', ('gelu', 'Gelu')),
    ('LayerNorm', ('layer_norm', 'LayerNorm', 'GammaBeta')),
    ('sums over sites', ('::sum', '::mean', 'norm', 'Norm', 'reduce')),
    ('copies, indices', ('copy', 'index', '::cat', 'contiguous', 'zero',
                         'Memcpy', 'Memset', 'nchw', 'nhwc')),
    ('by element', ('::mul', '::add', '::div', 'sqrt', 'clamp', 'where',
                    '::pow', 'elementwise')),
)
REST = 'the rest, Python included'


def kind_of(event) -> str:
    """What an operator is counted as; depthwise convolutions apart."""
    kind = next((kind for kind, words in KINDS
                 if any(word in event.name for word in words)), REST)
    if kind == 'convolutions' and any(
            len(shape) == 4 and shape[1] == 1 and shape[2] > 2
            for shape in event.input_shapes):
        return 'depthwise convolutions'
    return kind


def milliseconds(step: Callable[[], None]) -> Dict[str, float]:
    """Time of a step by kind of operator, of kernels on a GPU; largest first.
    """
    step()
    with profile(record_shapes=True) as profiled:
        start = time.perf_counter()
        step()
        synchronize()
        total = 1000 * (time.perf_counter() - start)
    found: Dict[str, float] = {}
    kernels = [x for x in profiled.events() if x.device_type.name == 'CUDA']
    for event in kernels or profiled.events():
        kind = kind_of(event)
        own = event.time_range.elapsed_us() if (
            kernels) else event.self_cpu_time_total
        if kind != REST:
            found[kind] = found.get(kind, 0) + own / 1000
    found[REST] = total - sum(found.values())
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def encoders(args: argparse.Namespace) -> Dict[str, Tuple]:
    """Name, (module, forward pass, share of the sites it computes)."""
    images = torch.rand(args.batch, 3, SIZE, SIZE, device=args.device)
    is_masked = (torch.rand(args.batch, GRID**2).argsort(1) >= VISIBLE).view(
        -1, GRID, GRID)
    model, packed = (x.to(args.device) for x in (
        ours(args.arch), ConvNeXtV2(args.arch, final_norm=False)))
    found: Dict[str, Tuple] = {
        'dense': (model, lambda: model(images)[-1], 1),
        'packed': (packed, lambda: packed(images, is_masked)[-1],
                   VISIBLE / GRID**2),
    }
    if args.device == 'cuda':
        for name, (module, forward, share) in list(found.items()):
            found[f'{name}, Triton'] = module, by_triton(forward), share
    if args.rivals:
        rival: Contender = contenders(model, args.arch, None)['mmpretrain']
        found['mmpretrain'] = rival.model, lambda: rival(images), 1
    return found


def training_step(model: torch.nn.Module, forward: Callable[[], Tensor],
                  args: argparse.Namespace) -> Callable[[], None]:
    """Forward and backward pass, without the optimizer."""
    with autocast(args):
        direction = torch.randn_like(forward())

    def run() -> None:
        model.zero_grad(set_to_none=True)
        with autocast(args):
            y = forward()
        (y * direction).sum().backward()

    return run


def bounds(seconds: Dict[str, List[float]], model: torch.nn.Module,
           forward: Callable[[], Tensor], work: float,
           args: argparse.Namespace) -> Dict[str, float]:
    """Milliseconds that products and memory alone would take."""
    flops_rate, bytes_rate = matrix_rate(seconds, args), bandwidth(
        seconds, args)
    with autocast(args):
        kept = saved_bytes(model, forward)
    return {
        f'all products at {flops_rate / 1e12:.3g} TFLOP/s':
        1000 * work / flops_rate,
        f'kept maps twice at {bytes_rate / 1e9:.0f} GB/s':
        2000 * kept / bytes_rate,
    }


def report(args: argparse.Namespace) -> Table:
    """One table: kinds and bounds, a column for each encoder."""
    models = encoders(args)
    steps = {
        name: training_step(model, forward, args)
        for name, (model, forward, _) in models.items()
    }
    seconds = alternate(
        {**steps, **matrix_product(args), **copy(args)}, args.repeats,
        warmup=3 if args.device == 'cuda' else 1)
    whole = 3 * flops(models['dense'][1])
    table = Table('encoder', 'what', 'ms', 'of the step',
                  title=f'{args.arch}, {args.batch} x {SIZE} px, {args.dtype}')
    for name, (model, forward, share) in models.items():
        median = 1000 * statistics.median(seconds[name])
        table.add_row(name, 'training step', f'{median:.1f}', '')
        bound = bounds(seconds, model, forward, whole * share, args)
        for what, value in bound.items():
            table.add_row('', f'bound: {what}', f'{value:.1f}',
                          f'{100 * value / median:.0f} %')
        profiled = milliseconds(steps[name])
        for what, value in profiled.items():
            table.add_row('', what, f'{value:.1f}',
                          f'{100 * value / sum(profiled.values()):.0f} %',
                          end_section=what == list(profiled)[-1])
    return table


def main() -> None:
    """Measure and print."""
    parser = one_arch_parser(__doc__)
    parser.add_argument('--rivals', action='store_true')
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    Console().print(report(args))
    print(f'Medians of {args.repeats} alternating rounds; '
          f'{machine(args.device)}')


if __name__ == '__main__':
    main()
