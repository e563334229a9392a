"""What the tests of Triton kernels share; importing it skips them without one.

The interpreter has to be chosen before Triton is imported, for the whole
process: test_dispatch.py starts one for these tests where there is no GPU.
"""
import os

import pytest
import torch
from operators import layouts

from mmconvnextv2.models.layers.block import ConvNeXtV2Block
from mmconvnextv2.ops.dispatch import plain_layers

INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
if not INTERPRETED and not torch.cuda.is_available():
    pytest.skip('no GPU; test_dispatch.py runs these in the interpreter',
                allow_module_level=True)
triton = pytest.importorskip('triton', reason='Triton is not installed')
tl = triton.language

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


def spy(monkeypatch, module, name):
    """Record the types of the maps that a kernel has seen."""
    seen = []
    original = getattr(module, name)

    def spied(x, *args):
        y = original(x, *args)
        seen.append(y.dtype)
        return y

    monkeypatch.setattr(module, name, spied)
    return seen


def assert_equals_layers(block, leaves, layout, calls, tolerance):
    """Result and gradients of the block, whose operator is called."""
    out = block(leaves[0], layout)
    grad = torch.randn_like(out)
    found = [out, *torch.autograd.grad(out, leaves, grad)]
    times = 1 + block.with_cp
    assert len(calls) == times
    with plain_layers():
        expected = block(leaves[0], layout)
        gradients = torch.autograd.grad(expected, leaves, grad)
    assert len(calls) == times
    for a, b in zip(found, (expected, *gradients)):
        assert relative(a, b) <= tolerance


def errors_under_autocast(block, leaves, layout, dtype):
    """Of kernels and of layers: result and gradients, from exact ones."""
    grad = torch.randn_like(leaves[0])

    def step():
        out = block(leaves[0], layout)
        found = torch.autograd.grad(out, leaves, grad.to(out.dtype))
        return torch.cat([x.double().flatten() for x in (out, *found)])

    with plain_layers():
        exact = step()
    with torch.autocast(DEVICE, dtype):
        fused = step()
        with plain_layers():
            plain = step()
    return relative(fused, exact), relative(plain, exact)
