"""Our operators equal PyTorch's for any size, layout and mask."""
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SEEDS, masks, noise
from torch.func import functional_call
from torch.nn import functional as F

from mmconvnextv2 import GRN
from mmconvnextv2.ops import grn_mlp as grn_mlp_module
from mmconvnextv2.ops.depthwise import depthwise
from mmconvnextv2.ops.grn_mlp import grn_mlp
from mmconvnextv2.ops.packed_depthwise import RunsOfGrid, packed_depthwise

_EPS = 1e-6
_KERNELS = st.sampled_from([1, 3, 5, 7])
_FEW = settings(max_examples=8)


def _close(found, expected, bound=1e-10):
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert (a - b).norm() <= bound * (1 + b.norm())


def _with_grads(function, leaves, cotangent=None):
    out = function(*leaves)
    if cotangent is None:
        cotangent = noise(*out.shape, seed=5, dtype=out.dtype)
    return [out, *torch.autograd.grad(out, leaves, cotangent)]


@st.composite
def convolutions(draw, most=9):
    """Input (N, C, H, W), weight and bias of a depthwise convolution."""
    n, channels = draw(st.integers(1, 3)), draw(st.integers(1, 19))
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    size, seed = draw(_KERNELS), draw(SEEDS)
    x = noise(n, channels, height, width, seed=seed)
    if draw(st.booleans()):
        x = x.contiguous(memory_format=torch.channels_last)
    return [
        x.requires_grad_(),
        noise(channels, 1, size, size, seed=seed + 1).requires_grad_(),
        noise(channels, seed=seed + 2).requires_grad_()
    ]


def _plain_depthwise(x, weight, bias):
    return F.conv2d(
        x, weight, bias, padding=weight.shape[-1] // 2, groups=len(weight))


@given(
    leaves=convolutions(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    expanded=st.booleans())
def test_depthwise(leaves, dtype, expanded):
    cotangent = noise(*leaves[0].shape, seed=5)
    if expanded:  # As a mean over the sites passes it on.
        cotangent = cotangent[:, :, :1, :1].expand_as(leaves[0])
    expected = _with_grads(_plain_depthwise, leaves, cotangent)
    typed = [x.detach().to(dtype).requires_grad_() for x in leaves]
    found = _with_grads(depthwise, typed, cotangent.to(dtype))
    _close(found, [x.to(dtype) for x in expected],
           1e-10 if dtype == torch.float64 else 1e-5)


@_FEW
@given(leaves=convolutions(most=4))
def test_gradients_of_depthwise(leaves):
    leaves = [x[:, :2] if i == 0 else x[:2] for i, x in enumerate(leaves)]
    leaves = [x.detach().requires_grad_() for x in leaves]
    assert torch.autograd.gradcheck(depthwise, leaves)


@st.composite
def packed(draw):
    """Runs (R, p, C), weight and bias, and the mask that they are left by."""
    is_masked, side = draw(masks()), draw(st.integers(1, 3))
    channels, size = draw(st.integers(1, 9)), draw(_KERNELS)
    rows = (~is_masked.repeat_interleave(side, 1)).flatten().nonzero()[:, 0]
    # In any order.
    rows = rows[noise(len(rows), seed=draw(SEEDS)).argsort()]
    n, h, w = is_masked.shape
    shape = (n, h * side, w * side)
    leaves = [
        noise(len(rows), side, channels, seed=1).requires_grad_(),
        noise(channels, 1, size, size, seed=2).requires_grad_(),
        noise(channels, seed=3).requires_grad_()
    ]
    return leaves, rows, shape, side


def _on_the_grid(rows, shape, side, x, weight, bias):
    n, height, width = shape
    grid = x.new_zeros(n * height * width // side, side, x.shape[-1])
    grid = grid.index_put((rows, ), x).view(n, height, width, -1)
    out = _plain_depthwise(grid.permute(0, 3, 1, 2), weight, bias)
    return out.permute(0, 2, 3, 1).reshape(-1, side, x.shape[-1])[rows]


@given(case=packed())
def test_packed_depthwise(case):
    leaves, *where = case
    runs = RunsOfGrid(*where)
    expected = _with_grads(lambda *x: _on_the_grid(*where, *x), leaves)
    # Twice with the same grids, which the first one leaves behind.
    for _ in range(2):
        _close(
            _with_grads(lambda *x: packed_depthwise(*x, runs), leaves),
            expected)


@_FEW
@given(case=packed())
def test_gradients_of_packed_depthwise(case):
    (x, weight, bias), *where = case
    leaves = [x[..., :2], weight[:2], bias[:2]]
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    runs = RunsOfGrid(*where)
    assert torch.autograd.gradcheck(
        lambda *x: packed_depthwise(*x, runs), leaves)


@st.composite
def mlps(draw, most=20):
    """Input, weights and biases of the MLP, and which sites count."""
    n, sites = draw(st.integers(1, 4)), draw(st.integers(1, most))
    channels, hidden = draw(st.integers(1, 6)), draw(st.integers(1, 24))
    shapes = [(n, sites, channels), (hidden, channels), (hidden, ),
              (hidden, ), (hidden, ), (channels, hidden), (channels, )]
    seed = draw(SEEDS)
    leaves = [
        noise(*shape, seed=seed + i).requires_grad_()
        for i, shape in enumerate(shapes)
    ]
    visible = None
    if draw(st.booleans()):
        # Images of no visible site too, and of all.
        share = noise(n, 1, 1, seed=seed + 7) * 2
        visible = (noise(n, sites, 1, seed=seed + 8) < share).double()
    return leaves, visible


def _layers(visible, x, weight1, bias1, gamma, beta, weight2, bias2):
    a = F.gelu(F.linear(x, weight1, bias1))
    if visible is not None:
        a = a * visible
    a = functional_call(GRN(len(gamma)), dict(gamma=gamma, beta=beta), a)
    return F.linear(a, weight2, bias2)


@given(case=mlps(), group_numel=st.integers(1, 1000))
def test_grn_mlp(case, group_numel):
    leaves, visible = case
    expected = _with_grads(lambda *x: _layers(visible, *x), leaves)
    with mock.patch.object(grn_mlp_module, '_GROUP_NUMEL', group_numel):
        found = _with_grads(lambda *x: grn_mlp(*x, _EPS, visible), leaves)
        with torch.no_grad():
            alone = grn_mlp(*leaves, _EPS, visible)
    _close(found, expected)
    _close([alone], expected[:1])


@_FEW
@given(case=mlps(most=5))
def test_gradients_of_grn_mlp(case):
    leaves, visible = case
    if visible is not None:
        # At zero a norm has no derivative.
        visible[:, 0] = 1
    assert torch.autograd.gradcheck(
        lambda *x: grn_mlp(*x, _EPS, visible), leaves)
