"""Training step of FCMAE's encoder, side by side with public ones.

Forward and backward pass, float32, at mask ratio 0.6. The base line is our own
dense backbone without any mask: no dense implementation of masking can be
faster. Memory: what autograd keeps for the backward pass, and by how much the
resident set of a fresh process grows at most in one step (Linux).

    python benchmarks/fcmae.py [--archs atto tiny base] [--repeats 5] \
        [--bsp36 CHECKOUT] [--viscy CHECKOUT]
"""
import argparse
import logging
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List

import torch
from fcmae_encoders import Contender, bsp36, ours, sparse_convnext, viscy
from rich.console import Console
from rich.table import Table
from timing import alternate, machine, ratio
from torch import Tensor

SIZE = 224
VISIBLE = 19  # of 49 patches
BATCHES = dict(atto=32, tiny=8, base=4)
BASE_LINE, PACKED = 'ours, unmasked', 'ours, packed'


def makers(args: argparse.Namespace) -> Dict[str, Callable[[str], Contender]]:
    """Who takes part."""
    found = {
        BASE_LINE: lambda arch: ours(arch, None),
        PACKED: lambda arch: ours(arch, 'packed'),
        'ours, masked dense': lambda arch: ours(arch, 'dense'),
        'mmpretrain SparseConvNeXt': sparse_convnext,
    }
    if args.bsp36:
        found['BSP36/fcmae'] = lambda arch: bsp36(arch, args.bsp36)
    if args.viscy:
        found['VisCy'] = lambda arch: viscy(arch, args.viscy)
    return found


def inputs(batch: int) -> List[Tensor]:
    """Images and masks."""
    torch.manual_seed(0)
    is_masked = torch.rand(batch, 49).argsort(1) >= VISIBLE
    return [torch.rand(batch, 3, SIZE, SIZE), is_masked.view(batch, 7, 7)]


def training_step(contender: Contender,
                  data: List[Tensor]) -> Callable[[], None]:
    """Forward and backward pass."""

    def run() -> None:
        contender.model.zero_grad(set_to_none=True)
        contender.encode(*data).square().mean().backward()

    return run


def saved_bytes(contender: Contender, data: List[Tensor]) -> int:
    """Bytes that autograd keeps between forward and backward pass."""
    own = {
        p.untyped_storage().data_ptr()
        for p in contender.model.parameters()
    }
    kept = {}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        contender.encode(*data)
    return sum(storage.nbytes() for storage in kept.values())


def growth(contender: Contender, data: List[Tensor]) -> int:
    """Bytes by which this process grows at most in a step."""
    contender.encode(*[x[:1] for x in data]).sum().backward()
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak so far
    before = _status('VmRSS')
    training_step(contender, data)()
    return _status('VmHWM') - before


def _status(name: str) -> int:
    lines = Path('/proc/self/status').read_text().splitlines()
    line = next(line for line in lines if line.startswith(name))
    return 1024 * int(line.split()[1])


def growth_apart(arch: str, name: str) -> int:
    """``growth`` in a process of its own."""
    command = [sys.executable, *sys.argv, '--peak-of', arch, name]
    return int(subprocess.check_output(command, text=True).split()[-1])


def compare(arch: str, args: argparse.Namespace) -> Table:
    """Time and weigh everyone at one size."""
    batch = BATCHES[arch]
    data = inputs(batch)
    contenders = {name: make(arch) for name, make in makers(args).items()}
    peaks = {name: growth_apart(arch, name) for name in contenders}
    seconds = alternate(
        {name: training_step(c, data) for name, c in contenders.items()},
        args.repeats, warmup=1)
    saved = {name: saved_bytes(c, data) for name, c in contenders.items()}
    table = Table(
        'encoder', 'median ms', 'base line / it', 'it / packed',
        'saved, of base line', 'peak growth, MB',
        title=f'{arch}, {batch} x {SIZE} px, {VISIBLE} of 49 patches visible')
    for name, values in seconds.items():
        table.add_row(
            name, f'{1000 * statistics.median(values):.0f}',
            f'{ratio(seconds[BASE_LINE], values):.2f}x',
            f'{ratio(values, seconds[PACKED]):.2f}x',
            f'{saved[name] / saved[BASE_LINE]:.3f}',
            f'{peaks[name] / 1e6:.0f}')
    return table


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--archs', nargs='+', default=list(BATCHES),
                        choices=BATCHES)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--bsp36', type=Path)
    parser.add_argument('--viscy', type=Path)
    parser.add_argument('--peak-of', nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    if args.peak_of:
        arch, name = args.peak_of
        print(growth(makers(args)[name](arch), inputs(BATCHES[arch])))
        return
    console = Console()
    for arch in args.archs:
        console.print(compare(arch, args))
    console.print(f'Medians of {args.repeats} alternating rounds; {machine()}')


if __name__ == '__main__':
    main()
