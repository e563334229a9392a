from unittest import mock

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from operators import assert_close, kept_by, second_gradients, with_grads
from strategies import SEEDS, noise
from torch.func import functional_call
from torch.nn import functional as F

from mmconvnextv2 import GRN
from mmconvnextv2.ops import grn_mlp as module
from mmconvnextv2.ops.grn_mlp import grn_mlp

EPS = 1e-6


def inputs(n=3, sites=5, channels=4, hidden=16, seed=0, dtype=torch.float64):
    """Input, weights and biases of the MLP."""
    shapes = [(n, sites, channels), (hidden, channels), (hidden, ),
              (hidden, ), (hidden, ), (channels, hidden), (channels, )]
    return [noise(*shape, seed=seed + i).to(dtype).requires_grad_()
            for i, shape in enumerate(shapes)]


@st.composite
def mlps(draw):
    """Inputs, and which sites count."""
    n, sites = draw(st.integers(1, 4)), draw(st.integers(1, 20))
    seed = draw(SEEDS)
    leaves = inputs(n, sites, draw(st.integers(1, 6)),
                    draw(st.integers(1, 24)), seed)
    visible = None
    if draw(st.booleans()):
        # Images of no visible site too, and of all.
        share = noise(n, 1, 1, seed=seed + 7) * 2
        visible = (noise(n, sites, 1, seed=seed + 8) < share).double()
    return leaves, visible


def layers(visible, x, weight1, bias1, gamma, beta, weight2, bias2):
    a = F.gelu(F.linear(x, weight1, bias1))
    if visible is not None:
        a = a * visible
    a = functional_call(GRN(len(gamma)), dict(gamma=gamma, beta=beta), a)
    return F.linear(a, weight2, bias2)


# Of the wide and the narrow way, with one image or more at a time.
@given(
    case=mlps(),
    group_numel=st.integers(1, 1000),
    dtype=st.sampled_from([torch.float32, torch.float64]))
def test_equals_the_layers(case, group_numel, dtype):
    leaves, visible = case
    expected = with_grads(lambda *x: layers(visible, *x), leaves)
    expected = [x.to(dtype) for x in expected]
    typed = [x.detach().to(dtype).requires_grad_() for x in leaves]
    seen = None if visible is None else visible.to(dtype)
    cotangent = noise(*expected[0].shape, seed=5).to(dtype)
    with mock.patch.object(module, '_GROUP_NUMEL', group_numel):
        found = with_grads(lambda *x: grn_mlp(*x, EPS, seen), typed, cotangent)
        with torch.no_grad():
            alone = grn_mlp(*typed, EPS, seen)
    assert not alone.requires_grad
    bound = 1e-12 if dtype == torch.float64 else 1e-5
    assert_close(found, expected, bound)
    assert_close([alone], expected[:1], bound)


@pytest.mark.parametrize('visible', [None, torch.tensor(
    [[[1.], [1.]], [[1.], [0.]]], dtype=torch.float64)])
def test_gradients_of_gradients(visible):
    leaves = inputs(2, 2, 1, 4)
    found, expected = (second_gradients(f, leaves) for f in (
        lambda *x: grn_mlp(*x, EPS, visible), lambda *x: layers(visible, *x)))
    assert_close(found, expected)


def test_keeps_one_expanded_map():
    # Input, expanded map, norms, and parameters.
    assert kept_by(grn_mlp, *inputs(), EPS) == sorted(
        [(3, 5, 4), (3, 5, 16), (3, 16), (16, 4), (16, ), (16, ), (16, ),
         (4, 16)])


@pytest.mark.parametrize('factor', [0., 1e25])
@pytest.mark.parametrize('sites', [5, 12])
def test_zero_and_huge_inputs(factor, sites):
    arguments = inputs(sites=sites, dtype=torch.float32)
    # No bias, so that the norms are zero, or their squares overflow.
    arguments[2] = torch.zeros_like(arguments[2], requires_grad=True)
    leaves = [(arguments[0].detach() * factor).requires_grad_(),
              *arguments[1:]]
    grad = torch.full_like(arguments[0], 1e-6)
    found = with_grads(lambda *x: grn_mlp(*x, EPS), leaves, grad)
    expected = with_grads(lambda *x: layers(None, *x), leaves, grad)
    for a, b in zip(found, expected):
        assert a.isfinite().all()
        # Not squared in float32, in which it would overflow.
        a, b = a.double(), b.double()
        assert (a - b).norm() <= 1e-5 * b.norm() + 1e-9


@pytest.mark.parametrize('sites, kind', [
    (7, module.GRNLinear), (8, module.WideGRNLinear),
    (9, module.WideGRNLinear)])
def test_the_faster_way_is_chosen(sites, kind):
    x, *_, gamma, beta, weight, _ = inputs(sites=sites, hidden=16)
    assert type(module._grn_linear(x, gamma, beta, weight, EPS)) is kind


def test_nothing_is_kept_where_no_gradient_is_wanted():
    leaves = inputs()
    with mock.patch.object(module._GRNMLP, 'apply', None):
        grn_mlp(*(x.detach() for x in leaves), EPS, None)
        with torch.no_grad():
            grn_mlp(*leaves, EPS, None)
