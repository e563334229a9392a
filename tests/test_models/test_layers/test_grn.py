"""GRN: its value, its gradient, what it implies, and how it is built."""
import copy
import re

import pytest
import torch
from grn_reference import grn_by_hand, random_grn
from hypothesis import given
from hypothesis import strategies as st
from mmcv.cnn import ConvModule, build_norm_layer
from strategies import SEEDS, noise
from torch import nn

from mmconvnextv2 import GRN
from mmconvnextv2.models.layers.grn import relative_response

EPS = 1e-6


def test_value_computed_on_paper():
    # Norms over the two sites are 5 and 10, their mean is 7.5 and n is
    # (2/3, 4/3); gamma * n = (1, -2); y = x * (2, -1) + (0.5, 0.25).
    grn = GRN(2, eps=1e-12)
    with torch.no_grad():
        grn.gamma.copy_(torch.tensor([1.5, -1.5]))
        grn.beta.copy_(torch.tensor([0.5, 0.25]))
    x = torch.tensor([[[[3., 6.], [4., -8.]]]])
    expected = torch.tensor([[[[6.5, -5.75], [8.5, 8.25]]]])
    torch.testing.assert_close(grn(x), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize('eps', [1e-6, 0.7])
@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (2, 3, 2, 2, 6), (2, 7, 3)])
def test_equals_formula_written_out(shape, eps):
    x = torch.randn(shape)
    last = random_grn(shape[-1], eps=eps)
    expected = grn_by_hand(x, last.gamma, last.beta, eps).float()
    torch.testing.assert_close(last(x), expected, rtol=1e-5, atol=1e-6)
    first = GRN(shape[-1], eps=eps, data_format='channels_first')
    first.load_state_dict(last.state_dict())
    for nchw in (x.movedim(-1, 1), x.movedim(-1, 1).contiguous()):
        torch.testing.assert_close(
            first(nchw).movedim(1, -1), expected, rtol=1e-5, atol=1e-6)
        assert first(nchw).stride() == nchw.stride()


@pytest.mark.parametrize('data_format', ['channels_last', 'channels_first'])
def test_gradients(data_format):
    grn = random_grn(4, data_format=data_format).double()
    shape = (2, 3, 3, 4) if data_format == 'channels_last' else (2, 4, 3, 3)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)

    def run(x, gamma, beta):
        return torch.func.functional_call(grn, dict(gamma=gamma, beta=beta), x)

    assert torch.autograd.gradcheck(run, (x, grn.gamma, grn.beta))


def test_is_identity_at_first_and_treats_images_apart():
    x = torch.randn(3, 5, 5, 8)
    assert torch.equal(GRN(8)(x), x)
    grn = random_grn(8)
    together = grn(x)
    for i in range(3):
        torch.testing.assert_close(grn(x[i:i + 1])[0], together[i])
    other = x.clone()
    other[1] *= 100
    assert torch.equal(grn(other)[[0, 2]], together[[0, 2]])


@st.composite
def maps(draw):
    """Features (N, H, W, C)."""
    shape = [draw(st.integers(1, most)) for most in (3, 7, 7, 9)]
    return noise(*shape, seed=draw(SEEDS))


def _response(x):
    return relative_response(x, EPS)


@given(x=maps(), exponent=st.floats(-6, 30), sign=st.sampled_from([-1, 1]))
def test_scale_does_not_change_the_response(x, exponent, sign):
    scale = sign * 10.**exponent
    # But for eps, which is next to the mean norm of the channels.
    mean = torch.linalg.vector_norm(x, dim=(1, 2)).mean(-1)
    share = EPS / (mean * min(1., abs(scale)))
    bound = share[:, None, None, None] * _response(x) + 1e-14
    assert ((_response(scale * x) - _response(x)).abs() <= bound).all()


@given(x=maps())
def test_mean_response_is_one(x):
    mean = torch.linalg.vector_norm(x, dim=(1, 2)).mean(-1)
    expected = mean / (mean + EPS)
    torch.testing.assert_close(_response(x).mean((1, 2, 3)), expected)


@given(x=maps(), data=st.data())
def test_sites_and_channels_in_any_order(x, data):
    n, h, w, channels = x.shape
    grn = random_grn(channels).double()
    sites = torch.tensor(data.draw(st.permutations(range(h * w))))
    order = torch.tensor(data.draw(st.permutations(range(channels))))
    expected = grn(x).flatten(1, 2)[:, sites][..., order]
    with torch.no_grad():
        for p in grn.parameters():
            p.copy_(p[order])
    found = grn(x.flatten(1, 2)[:, sites][..., order])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


NUMBERS = 'GRN: num_channels and eps must be positive, got num_channels='


@pytest.mark.parametrize('args, message', [
    ((8, 1e-6, 'NCHW'), "GRN: data_format must be one of ('channels_last', "
     "'channels_first'), got 'NCHW'"),
    ((0, 1e-6), NUMBERS + '0, eps=1e-06'), ((8, 0.), NUMBERS + '8, eps=0.0'),
    ((8, -1.), NUMBERS + '8, eps=-1.0')])
def test_refusals(args, message):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        GRN(*args)


@pytest.mark.parametrize('build', ['mmcv', 'mmpretrain'])
@pytest.mark.parametrize('given, expected', [
    (dict(eps=1e-6), 1e-6),
    (dict(eps=1e-3), 1e-3),
    # What these functions pass to every norm whose config names none.
    (dict(requires_grad=False), 1e-5),
])
def test_eps_through_build_norm_layer(build, given, expected):
    cfg = dict(type='mmconvnextv2.GRN', data_format='channels_first', **given)
    before = copy.deepcopy(cfg)
    if build == 'mmcv':
        name, grn = build_norm_layer(cfg, 8, postfix=1)
        assert name == 'grn1'
    else:
        from mmpretrain.models.utils import build_norm_layer as build_there
        grn = build_there(cfg, 8)
    assert type(grn) is GRN and grn.eps == expected and cfg == before
    assert grn.data_format == 'channels_first' and grn.num_channels == 8
    assert grn.gamma.requires_grad is given.get('requires_grad', True)
    assert str(GRN(8)) == "GRN(8, eps=1e-06, data_format='channels_last')"


def test_inside_an_nchw_network():
    norm_cfg = dict(
        type='mmconvnextv2.GRN', eps=1e-6, data_format='channels_first')
    module = ConvModule(3, 8, 3, padding=1, norm_cfg=norm_cfg)
    module.init_weights()
    x = torch.randn(2, 3, 6, 5)
    assert torch.equal(module(x), module.conv(x).relu())
    nn.init.normal_(module.norm.gamma)
    nn.init.normal_(module.norm.beta)
    conv = module.conv(x)
    expected = grn_by_hand(
        conv.movedim(1, -1), module.norm.gamma, module.norm.beta, 1e-6)
    torch.testing.assert_close(
        module(x), expected.movedim(-1, 1).relu().float())
