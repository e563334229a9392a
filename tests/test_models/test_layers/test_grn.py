"""GRN and its variants: value, gradient, what they imply, how to build them.
"""
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
from mmconvnextv2.models.layers import ConvNeXtV2Block, GRNVariant
from mmconvnextv2.models.layers.grn import relative_response
from mmconvnextv2.ops.dispatch import fuses, plain_layers

EPS = 1e-3
VARIANTS = dict(
    default={},
    l1=dict(aggregation='l1'),
    average=dict(aggregation='average'),
    standardised=dict(normalization='standardised'),
    inverse_sum=dict(normalization='inverse_sum'),
    no_residual=dict(residual=False),
    affine=dict(aggregation=None, normalization=None),
    aggregation_only=dict(normalization=None),
    normalization_only=dict(aggregation=None),
    average_only=dict(aggregation='average', normalization=None),
    average_standardised_no_residual=dict(
        aggregation='average', normalization='standardised', residual=False),
)
each_variant = pytest.mark.parametrize('variant', VARIANTS)
with_grn = pytest.mark.parametrize('variant', ['GRN', *VARIANTS])


def make(variant, channels=5, dtype=torch.float64, eps=EPS, **kwargs):
    kind = GRN if variant == 'GRN' else GRNVariant
    return random_grn(channels, kind, eps=eps, **VARIANTS.get(variant, {}),
                      **kwargs).to(dtype)


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


@with_grn
@pytest.mark.parametrize('eps', [1e-3, 0.7])
@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (2, 3, 2, 2, 5), (2, 7, 5)])
def test_equals_formula_written_out(variant, shape, eps):
    # Away from the poles of N where G is signed.
    x = torch.randn(shape, dtype=torch.float64) + 0.8
    last = make(variant, eps=eps)
    expected = grn_by_hand(x, last.gamma, last.beta, eps,
                           **VARIANTS.get(variant, {}))
    torch.testing.assert_close(last(x), expected, rtol=1e-11, atol=1e-11)
    first = make(variant, eps=eps, data_format='channels_first')
    first.load_state_dict(last.state_dict())
    for nchw in (x.movedim(-1, 1), x.movedim(-1, 1).contiguous()):
        found = first(nchw)
        torch.testing.assert_close(found.movedim(1, -1), last(x))
        assert found.stride() == nchw.stride()


@with_grn
def test_gradients(variant):
    grn = make(variant, channels=3)
    x = torch.rand(2, 2, 3, 3, dtype=torch.float64) + 0.5

    def run(x, gamma, beta):
        return torch.func.functional_call(grn, dict(gamma=gamma, beta=beta), x)

    assert torch.autograd.gradcheck(
        run, (x.requires_grad_(), grn.gamma, grn.beta))


@each_variant
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(variant, dtype):
    grn = make(variant, dtype=torch.float32)
    x = (torch.rand(2, 3, 3, 5) + 0.5).to(dtype)
    found = grn(x)
    assert found.dtype == dtype
    assert torch.equal(found, grn(x.float()).to(dtype))


@with_grn
def test_gradient_at_zero_is_finite(variant):
    grn = make(variant, dtype=torch.float32)
    x = torch.zeros(1, 2, 2, 5, requires_grad=True)
    grn(x).sum().backward()
    for tensor in (x, grn.gamma, grn.beta):
        assert torch.isfinite(tensor.grad).all()


@with_grn
@pytest.mark.parametrize('channels_at', [1, -1])
def test_only_visible_sites_count(variant, channels_at):
    formats = {-1: 'channels_last', 1: 'channels_first'}
    grn = make(variant, data_format=formats[channels_at])
    sites = torch.randn(1, 6, 5, dtype=torch.float64) + 0.8
    visible = torch.tensor([[[1.], [0.], [1.], [1.], [0.], [1.]]]).double()
    found = grn(sites.movedim(-1, channels_at),
                visible.movedim(-1, channels_at)).movedim(channels_at, -1)
    grn.data_format = 'channels_last'
    kept = [0, 2, 3, 5]
    torch.testing.assert_close(found[:, kept], grn(sites[:, kept]))


def test_is_identity_at_first_and_treats_images_apart():
    x = torch.randn(3, 5, 5, 8)
    assert torch.equal(GRN(8)(x), x)
    assert torch.equal(GRNVariant(8, aggregation='l1')(x), x)
    bare = GRNVariant(8, residual=False)
    assert (bare.gamma == 1).all() and (bare.beta == 0).all()
    grn = random_grn(8)
    other = x.clone()
    other[1] *= 100
    assert torch.equal(grn(other)[[0, 2]], grn(x)[[0, 2]])


@st.composite
def maps(draw):
    """Features (N, H, W, C)."""
    shape = [draw(st.integers(1, most)) for most in (3, 7, 7, 9)]
    return noise(*shape, seed=draw(SEEDS))


def _response(x):
    return relative_response(x, 1e-6)


@given(x=maps(), exponent=st.floats(-6, 30), sign=st.sampled_from([-1, 1]))
def test_scale_does_not_change_the_response(x, exponent, sign):
    scale = sign * 10.**exponent
    # But for eps, which is next to the mean norm of the channels.
    mean = torch.linalg.vector_norm(x, dim=(1, 2)).mean(-1)
    share = 1e-6 / (mean * min(1., abs(scale)))
    bound = share[:, None, None, None] * _response(x) + 1e-14
    assert ((_response(scale * x) - _response(x)).abs() <= bound).all()


NUMBERS = 'GRN: num_channels and eps must be positive, got num_channels='


@pytest.mark.parametrize('kind, args, message', [
    (GRN, (8, 1e-6, 'NCHW'), 'GRN: data_format must be one of '
     "('channels_last', 'channels_first'), got 'NCHW'"),
    (GRN, (0, 1e-6), NUMBERS + '0, eps=1e-06'),
    (GRN, (8, 0.), NUMBERS + '8, eps=0.0'),
    (GRNVariant, (8, -1.), NUMBERS + '8, eps=-1.0'),
    (GRNVariant, (8, 1e-6, 'channels_last', 'max'), 'GRNVariant: aggregation '
     "must be one of ['l2', 'l1', 'average'] or None, got 'max'"),
    (GRNVariant, (8, 1e-6, 'channels_last', 'l2', 'softmax'),
     'GRNVariant: normalization must be one of '
     "['divisive', 'standardised', 'inverse_sum'] or None, got 'softmax'")])
def test_refusals(kind, args, message):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        kind(*args)


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
    norm_cfg = dict(type='mmconvnextv2.GRNVariant', eps=1e-6,
                    data_format='channels_first', aggregation='average')
    module = ConvModule(3, 8, 3, padding=1, norm_cfg=norm_cfg)
    module.init_weights()
    assert str(module.norm) == (
        "GRNVariant(8, eps=1e-06, data_format='channels_first', "
        "aggregation='average', normalization='divisive', residual=True)")
    x = torch.randn(2, 3, 6, 5)
    assert torch.equal(module(x), module.conv(x).relu())


def test_default_path_is_as_if_there_were_no_variants():
    block = ConvNeXtV2Block(8)
    assert type(block.grn) is GRN
    mlp = block.pointwise_conv1, block.act, block.pointwise_conv2
    x = torch.randn(1, 8, 4, 4)
    assert fuses(x, *mlp, block.grn)
    block = ConvNeXtV2Block(8, grn_cfg=dict(aggregation='l1'))
    assert type(block.grn) is GRNVariant
    assert not fuses(x, *mlp, block.grn)
    nn.init.normal_(block.grn.gamma)
    found = block(x)
    with plain_layers():
        torch.testing.assert_close(block(x), found)


@pytest.mark.parametrize('read', [
    lambda grn, x: torch.export.export(grn, (x, ), strict=False).module(),
    lambda grn, x: torch.jit.trace(grn, (x, )),
])
def test_exports_hold_no_addcmul_and_no_casts(read):
    """Runtimes lack them; without an exporter every bit is as it was."""
    grn = random_grn(5)
    x = noise(2, 3, 4, 5, seed=0, dtype=torch.float32)
    graph = read(grn, x)
    for operator in ('addcmul', 'promote_types', 'aten.to.', 'aten::to('):
        assert operator not in str(graph.graph)
    torch.testing.assert_close(graph(x), grn(x))
    scale = 1 + grn.gamma * relative_response(x, grn.eps)
    assert torch.equal(grn(x), torch.addcmul(grn.beta, x, scale))
