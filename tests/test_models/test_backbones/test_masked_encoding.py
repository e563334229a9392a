"""Encoding under a mask: what holds for any mask, and what it costs."""
import pytest
import strategies
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    SEEDS,
    arguments,
    largest_difference,
    masks,
    noise,
    results,
    spread,
    stride_of,
)
from timm_reference import saved_bytes

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.ops.dispatch import plain_layers

_IMPLS = st.sampled_from(['packed', 'dense'])
_GRN = st.sampled_from([
    None, None,
    dict(aggregation='average'),
    dict(aggregation='l1', normalization='standardised'),
    dict(normalization='inverse_sum', residual=False),
    *(dict(type=kind) for kind in ('LRN', 'LN', 'SE', 'CBAM'))
])


@st.composite
def cases(draw, **limits):
    """Arguments of a backbone, images, a mask that suits them."""
    cfg = draw(arguments(max_stages=3, **limits))
    if cfg.get('use_grn', True):
        cfg['grn_cfg'] = draw(_GRN)
    is_masked = draw(masks())
    side = stride_of(cfg)
    n, h, w = is_masked.shape
    images = noise(
        n, cfg['in_channels'], h * side, w * side, seed=draw(SEEDS))
    return cfg, images, is_masked


def _hidden(cfg, is_masked):
    return spread(is_masked, stride_of(cfg))


@given(case=cases())
def test_packed_dense_and_plain_layers_agree(case):
    cfg, images, is_masked = case
    packed, dense = (strategies.build(cfg, masked_impl=impl)
                     for impl in ('packed', 'dense'))
    found = results(packed, images, is_masked)
    # Whatever the strides of images and mask.
    images = images.contiguous(memory_format=torch.channels_last)
    is_masked = is_masked.transpose(1, 2).contiguous().transpose(1, 2)
    with plain_layers():
        expected = results(dense, images, is_masked)
        assert largest_difference(
            results(packed, images, is_masked), expected) < 1e-10
    assert largest_difference(found, expected) < 1e-10
    assert largest_difference(
        results(dense, images, is_masked), expected) < 1e-10


@given(
    case=cases(),
    impl=_IMPLS,
    dtype=st.sampled_from([torch.float32, torch.float64]),
    value=st.sampled_from([0., -1e30, torch.nan, torch.inf]))
def test_masked_pixels_reach_nothing(case, impl, dtype, value):
    cfg, images, is_masked = case
    images = images.to(dtype)
    model = strategies.build(cfg, dtype, masked_impl=impl)
    hidden = _hidden(cfg, is_masked)
    expected = results(model, images, is_masked)
    found = results(model, images.masked_fill(hidden, value), is_masked)
    # Bit for bit: outputs, and gradients of all.
    for name, x in expected.items():
        assert found[name].equal(x), name
    assert not found['images'].masked_select(hidden).any()
    for name, x in found.items():
        if name.startswith('output'):
            side = x.shape[2] // is_masked.shape[1]
            assert not x.masked_select(spread(is_masked, side)).any()


@given(case=cases(), impl=_IMPLS, data=st.data())
def test_the_order_of_the_images_does_not_matter(case, impl, data):
    cfg, images, is_masked = case
    model = strategies.build(cfg, masked_impl=impl, drop_path_rate=0.)
    order = torch.tensor(data.draw(st.permutations(range(len(images)))))
    outs = model(images, is_masked)
    for out, other in zip(outs, model(images[order], is_masked[order])):
        torch.testing.assert_close(other, out[order], rtol=0, atol=1e-10)
    # Nor do other images, which may have more that is visible.
    for i, image in enumerate(images):
        for out, other in zip(outs, model(image[None], is_masked[i:i + 1])):
            torch.testing.assert_close(
                other[0], out[i], rtol=0, atol=1e-10)


@given(case=cases(), impl=_IMPLS)
def test_with_all_visible_there_is_no_mask(case, impl):
    cfg, images, is_masked = case
    model = strategies.build(cfg, masked_impl=impl)
    found = results(model, images, torch.zeros_like(is_masked))
    assert largest_difference(found, results(model, images)) < 1e-10


CFG = dict(
    arch=dict(depths=[1, 1, 2], channels=[8, 10, 12]),
    stem_patch_size=2,
    final_norm=False)


@pytest.mark.parametrize('masked_impl, leaks', [('packed', False),
                                                ('dense', False),
                                                ('leaky', True)])
def test_nothing_travels_through_masked_sites(masked_impl, leaks):
    # Two visible patches, too far apart for one convolution in any stage; no
    # GRN, which would couple them. Only masked sites could carry news.
    model = strategies.build(CFG, masked_impl=masked_impl, use_grn=False)
    images = noise(1, 3, 8, 72, seed=0)
    is_masked = torch.ones(1, 1, 9, dtype=torch.bool)
    is_masked[..., [0, 5]] = False
    expected, = model(images, is_masked)
    images[..., :8] += 1.
    found, = model(images, is_masked)
    assert not torch.equal(found[..., 0], expected[..., 0])
    assert torch.equal(found[..., 5], expected[..., 5]) is not leaks


def test_mask_is_not_kept():
    model = strategies.build(CFG)
    images, is_masked = noise(1, 3, 8, 16, seed=0), torch.tensor([[[0, 1]]])
    before = vars(model).keys()
    expected, = model(images)
    model(images, is_masked.bool())
    assert vars(model).keys() == before
    assert torch.equal(model(images)[0], expected)


def test_saved_activations():
    model = ConvNeXtV2('tiny', final_norm=False)
    images = torch.randn(1, 3, 224, 224)
    is_masked = torch.ones(49, dtype=torch.bool)
    is_masked[torch.randperm(49)[:19]] = False
    is_masked = is_masked.view(1, 7, 7)
    dense = saved_bytes(model, images)
    # 19 of 49 patches are visible, and of the grids that the depthwise
    # convolutions read no more is kept than what is visible.
    assert 19 / 49 < saved_bytes(model, images, is_masked) / dense < 0.4
    model.masked_impl = 'dense'
    assert saved_bytes(model, images, is_masked) / dense < 1.05


def test_errors():
    with pytest.raises(
            ValueError,
            match=r"one of \['packed', 'dense', 'leaky'\], got 'sparse'"):
        ConvNeXtV2(masked_impl='sparse')
    with pytest.raises(ValueError, match='has no meaning under a mask'):
        ConvNeXtV2('atto')(torch.zeros(1, 3, 32, 64), torch.zeros(1, 1, 2) > 0)
