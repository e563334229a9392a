"""GRN in half precision, and for inputs of any magnitude."""
import pytest
import torch
from grn_reference import grn_by_hand, random_grn
from torch import nn

from mmconvnextv2 import GRN

HALF = (torch.float16, torch.bfloat16)


# 56 x 56 sites of 10 sum to 313600 squared, where float16 ends at 65504; of
# 0.001 to 0.0031, which float16 rounds to 12 bits and bfloat16 to 8.
@pytest.mark.parametrize('dtype', HALF)
@pytest.mark.parametrize('magnitude', [1e-3, 10., 1e3])
@pytest.mark.parametrize('autocast', [True, False])
def test_statistics_are_float32_for_half_inputs(dtype, magnitude, autocast):
    grn = random_grn(6)
    if not autocast:
        grn = grn.to(dtype)
    x = (magnitude * torch.rand(2, 56, 56, 6)).to(dtype)
    exact = grn_by_hand(x, grn.gamma, grn.beta, grn.eps)
    with torch.autocast('cpu', dtype, enabled=autocast):
        y = grn(x)
    assert y.dtype == dtype
    # Nothing but the final rounding separates it from the exact value.
    ulp = torch.finfo(dtype).eps / 2
    assert ((y - exact).abs() <= 1.01 * ulp * exact.abs() + 1e-6).all()
    if dtype == torch.float16 and magnitude >= 10:
        assert (x * x).sum((1, 2)).isinf().all()


LARGEST = [(torch.float16, 1e4), (torch.float16, 6e4), (torch.bfloat16, 6e4),
           (torch.bfloat16, 1e30), (torch.float32, 1e30)]


@pytest.mark.parametrize('dtype, magnitude', [
    (dtype, 0.) for dtype in (*HALF, torch.float32)
] + LARGEST)
@pytest.mark.parametrize('gamma', [0., -0.5])
def test_finite_for_zero_and_very_large_inputs(dtype, magnitude, gamma):
    grn = GRN(8)
    nn.init.constant_(grn.gamma, gamma)
    x = torch.full((2, 56, 56, 8), magnitude, dtype=dtype, requires_grad=True)
    y = grn(x)
    # All channels are alike, so n is 1, or 0 for zeros.
    scale = 1 + gamma * (magnitude > 0)
    torch.testing.assert_close(y, scale * x)
    y.float().sum().backward()
    # n does not move with x, nor with a capped norm: dy/dx is the scale.
    torch.testing.assert_close(x.grad, torch.full_like(x, scale))
    torch.testing.assert_close(grn.gamma.grad, x.detach().float().sum(
        (0, 1, 2)))
    torch.testing.assert_close(grn.beta.grad, torch.full((8, ), 2. * 56 * 56))


@pytest.mark.parametrize('dtype, magnitude', LARGEST)
def test_large_and_zero_side_by_side(dtype, magnitude):
    grn = random_grn(8)
    x = torch.zeros(2, 4, 4, 8, dtype=dtype)
    x[0, ..., :4] = magnitude
    x.requires_grad_(True)
    # n is 2 for the four channels that are not zero.
    scale = 1 + 2 * grn.gamma[:4]
    y = grn(x)
    expected = (magnitude * scale.double() + grn.beta[:4]).to(dtype)
    torch.testing.assert_close(y[0, 0, 0, :4], expected)
    torch.testing.assert_close(
        y[1], grn.beta.to(dtype).expand_as(y[1]))
    y[y.isfinite()].float().sum().backward()
    for grad in (x.grad, grn.gamma.grad, grn.beta.grad):
        assert grad.isfinite().all()
