"""Variants of GRN against their formulas, written out site by site."""
import re

import numpy as np
import pytest
import torch
from mmcv.cnn import build_norm_layer
from torch import nn

from mmconvnextv2 import GRN
from mmconvnextv2.models.layers import GRNVariant
from mmconvnextv2.models.layers.block import ConvNeXtV2Block
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


def by_hand(x, gamma, beta, aggregation='l2', normalization='divisive',
            residual=True):
    """Results of an image (sites, channels), in numpy."""
    g = dict(
        l2=np.sqrt((x**2).sum(0)), l1=abs(x).sum(0), average=x.mean(0)).get(
            aggregation, x)
    mean = g.mean(-1, keepdims=True)
    plain = 1. if aggregation is None else g
    n = dict(
        divisive=g / (mean + EPS),
        standardised=(g - mean) / np.sqrt(g.var(-1, keepdims=True) + EPS),
        inverse_sum=1 / (g.sum(-1, keepdims=True) + EPS)).get(
            normalization, plain)
    return gamma * (x * n) + beta + residual * x


def make(variant, channels=5, dtype=torch.float64, **kwargs):
    grn = GRNVariant(channels, eps=EPS, **VARIANTS[variant], **kwargs)
    nn.init.normal_(grn.gamma)
    nn.init.normal_(grn.beta)
    return grn.to(dtype)


def expected(x, grn, variant):
    """By hand for (N, ..., C)."""
    gamma, beta = grn.gamma.detach().numpy(), grn.beta.detach().numpy()
    images = [
        by_hand(image.numpy(), gamma, beta, **VARIANTS[variant])
        for image in x.flatten(1, -2)
    ]
    return torch.from_numpy(np.stack(images)).view(x.shape)


@each_variant
@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (2, 3, 2, 2, 5), (2, 7, 5)])
def test_equals_formula_written_out(variant, shape):
    # Away from the poles of N where G is signed.
    x = torch.randn(shape, dtype=torch.float64) + 0.8
    last = make(variant)
    torch.testing.assert_close(
        last(x), expected(x, last, variant), rtol=1e-11, atol=1e-11)
    first = make(variant, data_format='channels_first')
    first.load_state_dict(last.state_dict())
    for nchw in (x.movedim(-1, 1), x.movedim(-1, 1).contiguous()):
        found = first(nchw)
        torch.testing.assert_close(found.movedim(1, -1), last(x))
        assert found.stride() == nchw.stride()


@each_variant
def test_gradients(variant):
    grn = make(variant, channels=3)
    x = torch.rand(2, 2, 3, 3, dtype=torch.float64) + 0.5
    x.requires_grad_()

    def run(x, gamma, beta):
        return torch.func.functional_call(grn, dict(gamma=gamma, beta=beta), x)

    assert torch.autograd.gradcheck(run, (x, grn.gamma, grn.beta))


@each_variant
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(variant, dtype):
    grn = make(variant, dtype=torch.float32)
    x = (torch.rand(2, 3, 3, 5) + 0.5).to(dtype)
    found = grn(x)
    assert found.dtype == dtype
    assert torch.equal(found, grn(x.float()).to(dtype))


@each_variant
def test_gradient_at_zero_is_finite(variant):
    grn = make(variant, dtype=torch.float32)
    x = torch.zeros(1, 2, 2, 5, requires_grad=True)
    grn(x).sum().backward()
    for tensor in (x, grn.gamma, grn.beta):
        assert torch.isfinite(tensor.grad).all()


@each_variant
@pytest.mark.parametrize('data_format', ['channels_last', 'channels_first'])
def test_only_visible_sites_count(variant, data_format):
    grn = make(variant, data_format=data_format)
    sites = torch.randn(1, 6, 5, dtype=torch.float64) + 0.8
    is_visible = torch.tensor([1., 0., 1., 1., 0., 1.]).view(1, 6, 1)
    masked = sites * is_visible
    kept = sites[:, [0, 2, 3, 5]]
    given = [masked, is_visible, kept]
    if data_format == 'channels_first':
        given = [x.movedim(-1, 1) for x in given]
    found = grn(given[0], given[1].double())
    if data_format == 'channels_first':
        found = found.movedim(1, -1)
    grn.data_format = 'channels_last'
    torch.testing.assert_close(found[:, [0, 2, 3, 5]], grn(kept))


def test_an_average_does_depend_on_which_sites_count():
    grn = make('average_only')
    x = torch.rand(1, 4, 5, dtype=torch.float64)
    visible = torch.tensor([1., 1., 0., 0.], dtype=torch.float64).view(1, 4, 1)
    assert not torch.allclose(grn(x * visible), grn(x * visible, visible))


@pytest.mark.parametrize('arguments, message', [
    (dict(aggregation='max'), "GRNVariant: aggregation must be one of ['l2', "
     "'l1', 'average'] or None, got 'max'"),
    (dict(normalization='softmax'), 'GRNVariant: normalization must be one of '
     "['divisive', 'standardised', 'inverse_sum'] or None, got 'softmax'"),
    (dict(data_format='NCHW'), 'GRN: data_format must be one of '
     "('channels_last', 'channels_first'), got 'NCHW'"),
])
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        GRNVariant(8, **arguments)


def test_starts():
    x = torch.randn(2, 3, 3, 8)
    assert torch.equal(GRNVariant(8, aggregation='l1')(x), x)
    bare = GRNVariant(8, residual=False)
    assert torch.equal(bare.gamma, torch.ones(8))
    assert torch.equal(bare.beta, torch.zeros(8))


def test_default_variant_equals_grn():
    variant, grn = GRNVariant(8), GRN(8)
    nn.init.normal_(grn.gamma)
    nn.init.normal_(grn.beta)
    variant.load_state_dict(grn.state_dict())
    x = torch.randn(2, 3, 3, 8)
    torch.testing.assert_close(variant(x), grn(x))


def test_built_by_build_norm_layer():
    cfg = dict(
        type='mmconvnextv2.GRNVariant',
        eps=1e-6,
        data_format='channels_first',
        aggregation='average')
    name, grn = build_norm_layer(cfg, 8, postfix=1)
    assert name == 'grn1' and type(grn) is GRNVariant
    assert (grn.eps, grn.aggregation) == (1e-6, 'average')
    assert str(grn) == (
        "GRNVariant(8, eps=1e-06, data_format='channels_first', "
        "aggregation='average', normalization='divisive', residual=True)")


def test_default_path_is_as_if_there_were_no_variants():
    block = ConvNeXtV2Block(8)
    assert type(block.grn) is GRN
    mlp = block.pointwise_conv1, block.act, block.pointwise_conv2
    x = torch.randn(1, 4, 4, 8)
    assert fuses(x, *mlp, block.grn)
    block = ConvNeXtV2Block(8, grn_cfg=dict(aggregation='l1'))
    assert type(block.grn) is GRNVariant
    assert not fuses(x, *mlp, block.grn)
    nn.init.normal_(block.grn.gamma)
    x = x.permute(0, 3, 1, 2)
    found = block(x)
    with plain_layers():
        torch.testing.assert_close(block(x), found)

