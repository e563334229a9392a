"""Cost of FCMAE's encoder from mask ratio 0 to 0.9.

Forward and backward pass of the packed encoder at 224 px, in turns
with our unmasked backbone; and what autograd keeps. The bound is proportional
to the visible patches.

    python benchmarks/scaling.py [--arch tiny] [--batch 8] [--repeats 5] \
        [--plot FILE] [--triton] [--device cuda] [--dtype bfloat16]
"""
import argparse
import logging
import statistics
from pathlib import Path
from typing import Dict, List

import torch
from devices import autocast, machine
from fcmae import training_step
from fcmae_encoders import Contender, by_kernels, ours
from memory import saved_bytes
from rich.console import Console
from rich.table import Table
from timing import alternate, one_arch_parser
from torch import Tensor

SIZE, GRID = 224, 7
PATCHES = GRID**2
VISIBLE = (49, 44, 39, 34, 29, 25, 19, 15, 10, 5)
UNMASKED = 'unmasked'


def inputs(visible: int, args: argparse.Namespace) -> List[Tensor]:
    """Images, and masks on the host."""
    is_masked = torch.rand(args.batch, PATCHES).argsort(1) >= visible
    images = torch.rand(args.batch, 3, SIZE, SIZE, device=args.device)
    return [images, is_masked.view(-1, GRID, GRID)]


def measure(args: argparse.Namespace) -> Dict[int, Dict[str, float]]:
    """Time and bytes of each count of visible patches, of the unmasked.

    Returns:
        dict[int, dict[str, float]]: By count, 'ms' and shares 'time', 'kept'.
    """
    packed, whole = ours(args.arch, 'packed'), ours(args.arch, None)
    for encoder in (packed, whole):
        encoder.model.to(args.device)
    if args.triton:
        packed, whole = by_kernels(packed), by_kernels(whole)
    data = {visible: inputs(visible, args) for visible in VISIBLE}
    runs = {str(v): training_step(packed, data[v], args) for v in VISIBLE}
    runs[UNMASKED] = training_step(whole, data[PATCHES], args)
    seconds = alternate(runs, args.repeats,
                        warmup=3 if args.device == 'cuda' else 1)
    unmasked = seconds.pop(UNMASKED)

    def kept_by(encoder: Contender, visible: int) -> int:
        with autocast(args):
            return saved_bytes(encoder.model, encoder.encode, *data[visible])

    kept = kept_by(whole, PATCHES)
    return {
        v: dict(
            ms=1000 * statistics.median(seconds[str(v)]),
            time=statistics.median(
                a / b for a, b in zip(seconds[str(v)], unmasked)),
            kept=kept_by(packed, v) / kept)
        for v in VISIBLE
    }


def lay_out(found: Dict[int, Dict[str, float]], title: str) -> Table:
    """One row for each count of visible patches."""
    table = Table('mask ratio', 'visible of 49', 'ms', 'time / unmasked',
                  'kept / unmasked', 'visible / 49', title=title)
    for v, row in found.items():
        table.add_row(f'{1 - v / PATCHES:.2f}', str(v), f'{row["ms"]:.1f}',
                      f'{row["time"]:.3f}', f'{row["kept"]:.3f}',
                      f'{v / PATCHES:.3f}')
    return table


def plot(found: Dict[int, Dict[str, float]], title: str, path: Path) -> None:
    """Draw cost over the share of visible patches."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    shares = [v / PATCHES for v in found]
    figure, axes = plt.subplots(figsize=(5, 4), layout='constrained')
    axes.plot([0, 1], [0, 1], '--', color='gray', label='proportional')
    for key, label, marker in (('time', 'time of a training step', 'o'),
                               ('kept', 'kept for the backward pass', 's')):
        axes.plot(shares, [row[key] for row in found.values()], marker,
                  ms=5, label=label)
    axes.set(xlabel='share of visible patches (1 - mask ratio)',
             ylabel='of the unmasked encoder', xlim=(0, 1.05),
             ylim=(0, None), title=title)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print and draw."""
    parser = one_arch_parser(__doc__)
    parser.add_argument('--plot', type=Path, help='PNG to write')
    parser.add_argument('--triton', action='store_true',
                        help='by the Triton kernels')
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.manual_seed(0)
    found = measure(args)
    title = (f'FCMAE encoder, {args.arch}, {args.batch} x {SIZE} px, '
             f'{args.dtype}' + ', Triton' * args.triton)
    Console().print(lay_out(found, title))
    print(f'Medians of {args.repeats} alternating rounds; '
          f'{machine(args.device)}')
    if args.plot:
        plot(found, title, args.plot)


if __name__ == '__main__':
    main()
