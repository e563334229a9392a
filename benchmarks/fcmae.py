"""Training step of FCMAE's encoder, side by side with public ones.

Forward and backward pass at mask ratio 0.6. The base line is our own
dense backbone without any mask: no dense implementation of masking can be
faster. Memory: what autograd keeps for the backward pass, and by how much the
resident set of a fresh process grows at most in one step (Linux); on a GPU,
the most that a step allocates.

    python benchmarks/fcmae.py [--archs atto tiny base] [--batch N] \
        [--only NAME] [--repeats 5] [--compile] [--bsp36 CHECKOUT] \
        [--viscy CHECKOUT] [--device cuda] [--dtype bfloat16] \
        [--plot FILE]

--plot draws the counterpart of the paper's Figure 6: images per second and
memory of the packed and the masked dense encoder.
"""
import argparse
import logging
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple

import torch
from devices import add_device_arguments, autocast, machine
from fcmae_encoders import (
    Contender,
    bsp36,
    by_kernels,
    compiled,
    ours,
    sparse_convnext,
    viscy,
)
from memory import growth, peak_on_gpu, saved_bytes
from rich.console import Console
from rich.table import Table
from timing import alternate, ratio
from torch import Tensor

SIZE = 224
VISIBLE = 19  # of 49 patches
BATCHES = dict(atto=32, tiny=8, base=4)  # if no other is asked for
BASE_LINE, PACKED = 'ours, unmasked', 'ours, packed'
DENSE = 'ours, masked dense'
Make = Callable[[str], Contender]


def _each(how: str, by: Callable[[Contender], Contender],
          found: Dict[str, Make]) -> Dict[str, Make]:
    """Everyone once more, computed in another way."""
    return {f'{name}, {how}': lambda arch, make=make: by(make(arch))
            for name, make in found.items()}


def makers(args: argparse.Namespace) -> Dict[str, Make]:
    """Who takes part."""
    found = {
        BASE_LINE: lambda arch: ours(arch, None),
        PACKED: lambda arch: ours(arch, 'packed'),
    }
    if args.compile:
        found.update(_each('torch.compile', compiled, found))
    if args.device == 'cuda':
        found.update(_each('Triton', by_kernels, found))
    found[DENSE] = lambda arch: ours(arch, 'dense')
    found['mmpretrain SparseConvNeXt'] = sparse_convnext
    if args.bsp36:
        found['BSP36/fcmae'] = lambda arch: bsp36(arch, args.bsp36)
    if args.viscy:
        found['VisCy'] = lambda arch: viscy(arch, args.viscy)
    return {
        name: make
        for name, make in found.items()
        if not args.only or name in (BASE_LINE, PACKED, *args.only)
    }


def inputs(arch: str, args: argparse.Namespace) -> List[Tensor]:
    """Images, and masks on the host, where they are drawn."""
    batch = args.batch or BATCHES[arch]
    torch.manual_seed(0)
    is_masked = torch.rand(batch, 49).argsort(1) >= VISIBLE
    images = torch.rand(batch, 3, SIZE, SIZE, device=args.device)
    return [images, is_masked.view(batch, 7, 7)]


def training_step(contender: Contender, data: List[Tensor],
                  args: argparse.Namespace) -> Callable[[], None]:
    """Forward and backward pass."""

    def run() -> None:
        contender.model.zero_grad(set_to_none=True)
        with autocast(args):
            y = contender.encode(*data)
        y.float().square().mean().backward()

    return run


def growth_in_a_step(arch: str, name: str, args: argparse.Namespace) -> int:
    """Bytes by which this process grows at most in a step."""
    contender, data = makers(args)[name](arch), inputs(arch, args)
    training_step(contender, [x[:1] for x in data], args)()
    return growth(training_step(contender, data, args))


def growth_apart(arch: str, name: str) -> int:
    """The same in a process of its own."""
    command = [sys.executable, *sys.argv, '--peak-of', arch, name]
    return int(subprocess.check_output(command, text=True).split()[-1])


class Compared(NamedTuple):
    """What was found at one size."""

    table: Table
    speed: Dict[str, float]  # images per second
    memory: Dict[str, int]  # bytes that autograd keeps


def draw(found: Dict[str, Compared], path: Path) -> None:
    """Draw speed and memory of our two, those of masked dense for 1."""
    from matplotlib.figure import Figure
    figure = Figure((8, 3.4), layout='constrained')
    left, right = figure.subplots(1, 2)
    for i, (name, label) in enumerate(
            {DENSE: 'masked dense', PACKED: 'packed'}.items()):
        where = [j + 0.4 * i for j in range(len(found))]
        left.bar(where, [x.speed[name] / x.speed[DENSE]
                         for x in found.values()], 0.4, label=label)
        right.bar(where, [x.memory[name] / x.memory[DENSE]
                          for x in found.values()], 0.4)
    left.set(ylabel='images per second, of masked dense')
    right.set(ylabel='memory of autograd, of masked dense')
    for axes in (left, right):
        axes.set_xticks([j + 0.2 for j in range(len(found))], list(found))
    left.legend()
    figure.savefig(path, dpi=120)


def compare(arch: str, args: argparse.Namespace) -> Compared:
    """Time and weigh everyone at one size."""
    data = inputs(arch, args)
    contenders = {name: make(arch) for name, make in makers(args).items()}
    for contender in contenders.values():
        contender.model.to(args.device)
    steps = {name: training_step(c, data, args)
             for name, c in contenders.items()}
    gpu = args.device == 'cuda'
    peaks = {} if gpu else {name: growth_apart(arch, name) for name in steps}
    seconds = alternate(steps, args.repeats, warmup=3 if gpu else 1)
    if gpu:
        peaks = {name: peak_on_gpu(step) for name, step in steps.items()}
    saved = {}
    for name, contender in contenders.items():
        with autocast(args):
            saved[name] = saved_bytes(contender.model, contender.encode, *data)
    table = Table(
        'encoder', 'median ms', 'base line / it', 'it / packed',
        'saved, of base line', 'peak, MB' if gpu else 'peak growth, MB',
        title=f'{arch}, {len(data[0])} x {SIZE} px, {args.dtype}, {VISIBLE} '
        'of 49 patches visible')
    for name, values in seconds.items():
        table.add_row(
            name, f'{1000 * statistics.median(values):.1f}',
            f'{ratio(seconds[BASE_LINE], values):.2f}x',
            f'{ratio(values, seconds[PACKED]):.2f}x',
            f'{saved[name] / saved[BASE_LINE]:.3f}',
            f'{peaks[name] / 1e6:.0f}')
    speed = {name: len(data[0]) / statistics.median(values)
             for name, values in seconds.items()}
    return Compared(table, speed, saved)


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--archs', nargs='+', default=list(BATCHES),
                        choices=BATCHES)
    parser.add_argument('--batch', type=int)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--only', nargs='+', help='beside our two, by name')
    parser.add_argument('--compile', action='store_true',
                        help='our two by torch.compile, too')
    parser.add_argument('--bsp36', type=Path)
    parser.add_argument('--viscy', type=Path)
    parser.add_argument('--plot', type=Path, help='picture to draw')
    parser.add_argument('--peak-of', nargs=2, help=argparse.SUPPRESS)
    add_device_arguments(parser)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    if args.plot and args.only and DENSE not in args.only:
        parser.error(f'--plot needs {DENSE!r} in --only')
    if args.peak_of:
        print(growth_in_a_step(*args.peak_of, args))
        return
    console = Console()
    found = {}
    for arch in args.archs:
        found[arch] = compare(arch, args)
        console.print(found[arch].table)
    if args.plot:
        draw(found, args.plot)
    console.print(f'Medians of {args.repeats} alternating rounds; '
                  f'{machine(args.device)}')


if __name__ == '__main__':
    main()
