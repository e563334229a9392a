"""What holds for any mask: no mask, image or arch is a special case."""
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    SEEDS,
    arguments,
    build,
    largest_difference,
    masks,
    noise,
    results,
    spread,
    stride_of,
)

from mmconvnextv2.ops.dispatch import plain_layers

_IMPLS = st.sampled_from(['packed', 'dense'])
_GRN = st.sampled_from([
    None, None,
    dict(aggregation='average'),
    dict(aggregation='l1', normalization='standardised'),
    dict(normalization='inverse_sum', residual=False)
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
    packed, dense = (build(cfg, masked_impl=x) for x in ('packed', 'dense'))
    found = results(packed, images, is_masked)
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
    value=st.sampled_from([0., -1e30, torch.nan, torch.inf]))
def test_masked_pixels_reach_nothing(case, impl, value):
    cfg, images, is_masked = case
    model = build(cfg, masked_impl=impl)
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
    model = build(cfg, masked_impl=impl, drop_path_rate=0.)
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
    model = build(cfg, masked_impl=impl)
    found = results(model, images, torch.zeros_like(is_masked))
    assert largest_difference(found, results(model, images)) < 1e-10


@given(case=cases(), impl=_IMPLS, data=st.data())
def test_images_with_nothing_visible_are_named(case, impl, data):
    cfg, images, is_masked = case
    empty = data.draw(
        st.lists(
            st.sampled_from(range(len(images))), min_size=1, unique=True))
    is_masked[empty] = True
    message = ('is_masked leaves nothing visible in the images '
               f'{sorted(empty)} of the batch')
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        build(cfg, masked_impl=impl)(images, is_masked)


@given(case=cases(), data=st.data())
def test_strides_of_mask_and_images_do_not_matter(case, data):
    cfg, images, is_masked = case
    model = build(cfg)
    expected = results(model, images, is_masked)
    others = [
        is_masked.transpose(1, 2).contiguous().transpose(1, 2),
        torch.stack([is_masked, ~is_masked], -1)[..., 0]
    ]
    other = data.draw(st.sampled_from(others))
    found = results(
        model, images.contiguous(memory_format=torch.channels_last), other)
    assert largest_difference(found, expected) < 1e-10
