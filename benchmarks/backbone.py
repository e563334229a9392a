"""Training step and inference of the dense backbone against its peers.

All hold the same weights, get the same images and compute the same features,
which is checked first, in float32: mmpretrain's ConvNeXt(use_grn=True) and
Hugging Face's ConvNextV2Model as shipped and in channels-last memory, timm's
convnextv2 in channels-last memory, and, from a checkout, the papers' code;
with --compile, ours and timm's with their blocks compiled; on a GPU, ours by
its Triton kernels, too. With --graphs everyone is a CUDA graph, so that no
time is lost on the way to the GPU.

    python benchmarks/backbone.py [--archs tiny base] [--batch 8] \
        [--size 224 [WIDTH]] [--repeats 5] [--official CHECKOUT] [--compile] \
        [--only NAME] [--device cuda] [--dtype bfloat16] [--graphs]
"""
import argparse
import logging
import statistics
from pathlib import Path
from typing import Callable, Dict, List

import torch
from backbones import OURS, Contender, compiled, contenders, ours, triton
from bounds import MATRIX_PRODUCT, flops, matrix_product, matrix_rate
from devices import add_device_arguments, autocast, graphed, machine
from memory import peak_on_gpu, saved_bytes
from rich.console import Console
from rich.table import Table
from timing import alternate, ratio
from torch import Tensor

Runs = Dict[str, Callable[[], None]]
TRAINING, INFERENCE = 'training step', 'inference'
TOLERANCE = 1e-4


def training_step(contender: Contender, images: Tensor, direction: Tensor,
                  args: argparse.Namespace) -> Callable[[], None]:
    """Forward and backward pass, without the optimizer."""

    def run() -> None:
        contender.model.zero_grad(set_to_none=True)
        with autocast(args):
            y = contender(images)
        (y * direction).sum().backward()

    return run


def inference(contender: Contender, images: Tensor, direction: Tensor,
              args: argparse.Namespace) -> Callable[[], None]:
    """Forward pass without gradients."""

    @torch.inference_mode()
    def run() -> None:
        with autocast(args):
            contender(images)

    return run


def check(models: Dict[str, Contender], images: Tensor) -> Tensor:
    """Features of all contenders, which must be those of ours."""
    # Convolutions in float32, not in TF32.
    with torch.inference_mode(), torch.backends.cudnn.flags(allow_tf32=False):
        expected = models[OURS](images)
        for name, model in models.items():
            error = (model(model.accepts(images)) - expected).abs().max()
            if error > TOLERANCE:
                raise RuntimeError(f'{name} differs by {error:.1e}')
    return expected


def chosen(arch: str, args: argparse.Namespace) -> Dict[str, Contender]:
    """Who takes part, ours first."""
    model = ours(arch).to(args.device)
    found = contenders(model, arch, args.official)
    if args.compile:
        found.update(compiled(model, arch))
    if args.device == 'cuda':
        found.update({f'{name}, Triton': triton(contender)
                      for name, contender in found.items()
                      if name.startswith(OURS)})
    return {
        name: contender
        for name, contender in found.items()
        if name == OURS or not args.only or name in args.only
    }


def compare(arch: str, kind: str, args: argparse.Namespace) -> Table:
    """Time the contenders at one size and lay the figures out."""
    images = torch.rand(args.batch, 3, *args.size, device=args.device)
    models = chosen(arch, args)
    features = check(models, images[:1] if args.batch > 8 else images)
    direction = torch.randn_like(features[0])
    make = training_step if kind == TRAINING else inference
    runs: Runs = {
        name: make(model, model.accepts(images), direction, args)
        for name, model in models.items()
    }
    timed = {name: graphed(run) for name, run in runs.items()} if (
        args.graphs) else runs
    seconds = alternate({**timed, **matrix_product(args)}, args.repeats,
                        warmup=3 if args.device == 'cuda' else 1)
    columns = kept_and_peak(models, runs, images, args) if (
        kind == TRAINING) else {}
    passes = 3 if kind == TRAINING else 1
    work = passes * flops(lambda: models[OURS](images))
    size = 'x'.join(map(str, args.size))
    title = f'{kind}: {arch}, {args.batch} x {size} px, {args.dtype}'
    return lay_out(title + ', CUDA graphs' * args.graphs, seconds, columns,
                   work, matrix_rate(seconds, args))


def kept_and_peak(models: Dict[str, Contender], runs: Runs, images: Tensor,
                  args: argparse.Namespace) -> Dict[str, Dict[str, int]]:
    """Bytes kept for the backward pass; on a GPU, the most of a step too."""

    def kept(model: Contender) -> int:
        with autocast(args):
            return saved_bytes(model.model, model, model.accepts(images))

    found = {'kept, MB': {name: kept(m) for name, m in models.items()}}
    if args.device == 'cuda':
        found['peak, MB'] = {
            name: peak_on_gpu(run) for name, run in runs.items()}
    return found


def lay_out(title: str, seconds: Dict[str, List[float]],
            columns: Dict[str, Dict[str, int]], work: int,
            rate: float) -> Table:
    """One row for each contender.

    Args:
        title (str): What was measured.
        seconds (dict[str, list[float]]): Of each round, by contender.
        columns (dict[str, dict[str, int]]): Bytes, by title and contender.
        work (int): Floating-point operations of all products.
        rate (float): Those of a product of matrices, per second.

    Returns:
        Table: Of milliseconds and ratios.
    """
    table = Table('model', 'ms', 'ours is faster by', 'TFLOP/s',
                  'of the matrix rate', *columns, title=title)
    for name, values in seconds.items():
        if name == MATRIX_PRODUCT:
            continue
        reached = work / statistics.median(values)
        table.add_row(name, f'{1000 * statistics.median(values):.1f}',
                      f'{ratio(values, seconds[OURS]):.2f}x',
                      f'{reached / 1e12:.3g}', f'{100 * reached / rate:.0f} %',
                      *(f'{c[name] / 1e6:.0f}' for c in columns.values()))
    table.caption = f'matrix rate {rate / 1e12:.3g} TFLOP/s'
    return table


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--archs', nargs='+', default=['tiny'])
    parser.add_argument('--kinds', nargs='+', default=[TRAINING, INFERENCE],
                        choices=[TRAINING, INFERENCE])
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--size', type=int, nargs='+', default=[224],
                        help='side, or height and width, in pixels')
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--official', type=Path,
                        help="checkout of the papers' code")
    parser.add_argument('--compile', action='store_true',
                        help="ours and timm's by torch.compile, too")
    parser.add_argument('--only', nargs='+', help='rivals, by name')
    parser.add_argument('--graphs', action='store_true',
                        help='time CUDA graphs')
    add_device_arguments(parser)
    args = parser.parse_args()
    args.size = [args.size[0], args.size[-1]]
    return args


def main() -> None:
    """Time and print."""
    args = parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    console = Console()
    for arch in args.archs:
        for kind in args.kinds:
            console.print(compare(arch, kind, args))
    console.print(f'Medians of {args.repeats} alternating rounds; '
                  f'{machine(args.device)}')


if __name__ == '__main__':
    main()
