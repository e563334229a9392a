"""What the tests of Triton kernels share; importing it skips them without one.

The interpreter has to be chosen before Triton is imported, for the whole
process: test_dispatch.py starts one for these tests where there is no GPU.
"""
import os

import pytest
import torch
from operators import layouts

from mmconvnextv2.models.layers.block import ConvNeXtV2Block

INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
if not INTERPRETED and not torch.cuda.is_available():
    pytest.skip('no GPU; test_dispatch.py runs these in the interpreter',
                allow_module_level=True)
pytest.importorskip('triton', reason='Triton is not installed')

DEVICE = 'cpu' if INTERPRETED else 'cuda'
EPS = 1e-6
# The interpreter cuts bfloat16 off where a GPU rounds.
STEP = {torch.float64: 1e-14, torch.float32: 1e-6, torch.float16: 2**-10,
        torch.bfloat16: 2**-7}

LAYOUTS = layouts(DEVICE)


def relative(a, b):
    """Distance of a from b over the size of b."""
    return ((a.double() - b).norm() / b.norm()).item()


def block_and_leaves(height, width, dtype=torch.float64, **kwargs):
    """A block, and an input and its parameters."""
    block = ConvNeXtV2Block(3, **kwargs).to(DEVICE, dtype)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 3, height, width, dtype=dtype, device=DEVICE)
    return block, [x.requires_grad_(), *block.parameters()]


def step(block, leaves, layout):
    """Result and gradients."""
    out = block(leaves[0], layout)
    grad = torch.arange(out.numel(), device=DEVICE).view(out.shape) % 7 - 3
    return [out, *torch.autograd.grad(out, leaves, grad.to(out.dtype))]
