"""Train a backbone on images of ever other sizes; print what it holds.

A program of its own, since a test's process has room left by other tests:
``python soak_sizes.py ITERATIONS {whole,masked}``.
"""
import json
import random
import sys

import torch
from soak import sample

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.selfsup import draw_mask

_STRIDE = 16


def main(iterations: int, kind: str) -> None:
    """Print a line of JSON every tenth of the iterations."""
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
