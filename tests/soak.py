"""What a process holds, sampled while it trains.

As a program, ``python soak.py ITERATIONS {whole,masked}``, it trains a
backbone on images of ever other sizes; a test's process has room left by other
tests.
"""
import gc
import json
import os
import random
import resource
import sys
from multiprocessing import active_children
from pathlib import Path
from typing import Any, Dict, List

import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.selfsup import draw_mask
from mmconvnextv2.ops.packed_depthwise import RunsOfGrid

_STRIDE = 16


def resident_bytes(pid: int) -> int:
    """Memory of a process that lies in RAM."""
    pages = Path(f'/proc/{pid}/statm').read_text().split()[1]
    return int(pages) * resource.getpagesize()


def sample() -> Dict[str, int]:
    """Bytes and counts of what this process holds at the moment."""
    held = dict(
        resident=resident_bytes(os.getpid()),
        workers=sum(resident_bytes(x.pid) for x in active_children()),
        files=len(os.listdir('/proc/self/fd')))
    # What only a cycle keeps is garbage that Python has not come to yet.
    gc.collect()
    kinds = [type(x) for x in gc.get_objects()]
    held['tensors'] = sum(issubclass(x, torch.Tensor) for x in kinds)
    held['grids'] = sum(issubclass(x, RunsOfGrid) for x in kinds)
    held['objects'] = len(kinds)
    return held


def mean_of(samples: List[dict], key: str, begin: int, end: int) -> float:
    """Mean of the samples after iterations begin to end, both included."""
    found = [x[key] for x in samples if begin <= x['iter'] <= end]
    return sum(found) / len(found)


@HOOKS.register_module(force=True)
class Soak(Hook):
    """Write soak.json to the work dir: a sample every 50 iterations.

    Beside those of ``sample``, the bytes of MMEngine's history of what is
    logged, which by its design has every iteration's numbers.
    """

    # After the logger and the checkpoint.
    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Begin."""
        self.samples: List[dict] = []

    def after_train_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Take a sample if it is time to."""
        if self.every_n_train_iters(runner, 50):
            logged = MessageHub.get_current_instance().log_scalars.values()
            history = sum(x.nbytes for values in logged for x in values.data)
            self.samples.append(
                dict(iter=runner.iter + 1, history=history, **sample()))

    def after_train(self, runner: Runner) -> None:
        """Write all."""
        path = Path(runner.work_dir) / 'soak.json'
        path.write_text(json.dumps(self.samples))


def main(iterations: int, kind: str) -> None:
    """Train; print a line of JSON every twentieth of the iterations."""
    torch.set_num_threads(1)
    draw = random.Random(0)
    model = ConvNeXtV2(
        dict(depths=[1, 2, 1], channels=[8, 12, 16]), final_norm=False)
    optimizer = torch.optim.AdamW(model.parameters())
    for i in range(iterations):
        n, h, w = draw.randint(1, 4), draw.randint(2, 12), draw.randint(2, 12)
        if kind == 'masked':
            is_masked = draw_mask(n, (h, w), draw.choice([0.2, 0.4, 0.6]))
            images = torch.rand(n, 3, h * _STRIDE, w * _STRIDE)
            out, = model(images, is_masked)
        else:
            # Any size, with pixels left over.
            side = (x * _STRIDE + draw.randint(0, 15) for x in (h, w))
            out, = model(torch.rand(n, 3, *side))
        out.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        if (i + 1) % (iterations // 20) == 0:
            print(json.dumps(dict(iter=i + 1, **sample())), flush=True)


if __name__ == '__main__':
    main(int(sys.argv[1]), sys.argv[2])
