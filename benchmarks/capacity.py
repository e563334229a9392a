"""The capacity table's arithmetic against what a process really grows by.

Forward and backward pass in float32 on the CPU, by PyTorch's own layers, as
they run on a GPU. Each case is a fresh process; the growth of its resident set
to its peak (Linux) is compared with the most bytes alive at once as the
table has them. glibc's own heap, which keeps and fragments what is freed, is
left out: it serves blocks below 256 KiB only.

    python benchmarks/capacity.py [--cases atto,dense,16 ...] [--side 224]
"""
import argparse
import os
import subprocess
import sys

import torch
from devices import machine
from memory import growth
from mmengine.registry import MODELS, DefaultScope
from rich.console import Console
from rich.table import Table
from torch import nn

from mmconvnextv2.capacity import step
from mmconvnextv2.ops.dispatch import plain_layers

CASES = ('atto,dense,16', 'atto,checkpointed,16', 'atto,fcmae,16',
         'tiny,dense,8', 'tiny,checkpointed,8', 'tiny,fcmae,8')


def _train(model: nn.Module, batch: int, side: int) -> None:
    step.loss_of(model, torch.rand(batch, 3, side, side)).backward()


def growth_of(size: str, mode: str, batch: int, side: int) -> int:
    """Bytes by which this process grows at most in a step."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(step.model_config(size, mode)).train()
    with plain_layers():
        _train(model, 1, side)  # gradients, and what libraries set up
        return growth(lambda: _train(model, batch, side))


def growth_apart(case: str, side: int) -> int:
    """``growth_of`` in a process of its own."""
    command = [sys.executable, __file__, '--grow', case, '--side', str(side)]
    # Else glibc raises the bound at every large block that is freed.
    env = dict(os.environ, MALLOC_MMAP_THRESHOLD_=str(2**18))
    out = subprocess.check_output(command, text=True, env=env)
    return int(out.split()[-1])


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cases', nargs='+', default=CASES,
                        metavar='SIZE,MODE,BATCH')
    parser.add_argument('--side', type=int, default=224)
    parser.add_argument('--grow', help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.grow:
        size, mode, batch = args.grow.split(',')
        print(growth_of(size, mode, int(batch), args.side))
        return
    table = Table('size', 'mode', 'images', 'kept, MB', 'peak, MB',
                  'measured growth, MB', 'measured / peak',
                  title=machine('cpu'))
    for case in args.cases:
        size, mode, batch = case.split(',')
        model = step.build(step.model_config(size, mode))
        trace = step.trace_step(model, int(batch), args.side)
        peak, measured = max(trace.moments), growth_apart(case, args.side)
        table.add_row(size, mode, batch, f'{trace.kept / 1e6:.0f}',
                      f'{peak / 1e6:.0f}', f'{measured / 1e6:.0f}',
                      f'{measured / peak:.3f}')
    Console(width=100).print(table)


if __name__ == '__main__':
    main()
