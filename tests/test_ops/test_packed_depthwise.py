import pytest
import torch
from torch.nn import functional as F

from mmconvnextv2.ops.packed_depthwise import RunsOfGrid, packed_depthwise

# Five runs of two sites in two grids of 3 x 4: run r lies in row r // 2.
ROWS = torch.tensor([0, 3, 4, 11, 7])
SHAPE = (2, 3, 4)


def runs():
    return RunsOfGrid(ROWS, SHAPE, side=2)


def inputs(dtype=torch.float64, bias=True):
    torch.manual_seed(0)
    x = torch.randn(5, 2, 3, dtype=dtype, requires_grad=True)
    weight = torch.randn(3, 1, 7, 7, dtype=dtype, requires_grad=True)
    bias = torch.randn(3, dtype=dtype, requires_grad=True) if bias else None
    return x, weight, bias


def on_the_grid(x, weight, bias):
    grid = torch.zeros(12, 2, 3, dtype=x.dtype).index_put((ROWS, ), x)
    grid = grid.view(*SHAPE, 3).permute(0, 3, 1, 2)
    out = F.conv2d(grid, weight, bias, padding=3, groups=3)
    return out.permute(0, 2, 3, 1).reshape(12, 2, 3)[ROWS]


@pytest.mark.parametrize('bias', [True, False])
def test_equals_convolution_of_the_grid(bias):
    arguments = inputs(bias=bias)
    found = packed_depthwise(*arguments, runs())
    expected = on_the_grid(*arguments)
    torch.testing.assert_close(found, expected)
    leaves = [x for x in arguments if x is not None]
    for a, b in zip(
            torch.autograd.grad(found.square().sum(), leaves),
            torch.autograd.grad(expected.square().sum(), leaves)):
        torch.testing.assert_close(a, b)


def test_gradients():
    x, weight, bias = inputs()
    small = weight[..., 2:5, 2:5].detach().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda *a: packed_depthwise(*a, runs()), (x, small, bias))


def test_keeps_the_runs_only():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(tuple(x.shape)) or x, lambda x: x):
        packed_depthwise(*inputs(), runs())
    assert kept == [(5, 2, 3), (3, 1, 7, 7)]


def test_only_what_is_asked_for():
    x, weight, bias = inputs()
    weight, bias = weight.detach(), bias.detach()
    packed_depthwise(x, weight, bias, runs()).sum().backward()
    assert x.grad is not None and weight.grad is None and bias.grad is None


def test_autocast():
    arguments = inputs(torch.float32)
    expected = packed_depthwise(*arguments, runs())
    grads = torch.autograd.grad(expected.square().sum(), arguments)
    with torch.autocast('cpu', torch.bfloat16):
        found = packed_depthwise(*arguments, runs())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    loss = found.float().square().sum()
    for a, b in zip(torch.autograd.grad(loss, arguments), grads):
        assert a.dtype == torch.float32
        assert (a - b).norm() < 0.02 * b.norm()
