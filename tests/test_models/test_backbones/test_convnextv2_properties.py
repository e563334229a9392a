"""What holds for any arch, size, batch and memory layout."""
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    SEEDS,
    arguments,
    build,
    largest_difference,
    noise,
    results,
    sizes,
    stride_of,
)

from mmconvnextv2.ops.dispatch import plain_layers

_BATCHES = st.integers(1, 4)


def _images(data, cfg, dtype=torch.float64):
    height, width = data.draw(sizes(cfg), 'size')
    return noise(
        data.draw(_BATCHES, 'batch'), cfg['in_channels'], height, width,
        seed=data.draw(SEEDS), dtype=dtype)


@given(
    cfg=arguments(max_stages=5, widths=(1, 9)),
    gap=st.booleans(),
    data=st.data())
def test_sizes_of_the_outputs(cfg, gap, data):
    model = build(cfg, torch.float32, gap_before_final_norm=gap)
    x = _images(data, cfg, torch.float32)
    outs = model(x)
    assert model.stride == stride_of(cfg)
    stages = sorted(cfg['out_indices'])
    assert len(outs) == len(stages)
    for stage, out in zip(stages, outs):
        expected = (len(x), cfg['arch']['channels'][stage])
        if not (gap and cfg['final_norm']):
            stride = cfg['stem_patch_size'] * 2**stage
            expected += (x.shape[2] // stride, x.shape[3] // stride)
        assert out.shape == expected
        assert out.is_contiguous() and out.isfinite().all()


@given(cfg=arguments(), data=st.data())
def test_our_operators_equal_plain_layers(cfg, data):
    model = build(cfg)
    x = _images(data, cfg)
    found = results(model, x)
    with plain_layers():
        expected = results(model, x)
    assert largest_difference(found, expected) < 1e-10


def _in_other_memory(x):
    """The same images, each with strides of its own."""
    yield x.contiguous(memory_format=torch.channels_last)
    yield x.flip(3).flip(3)
    yield torch.stack([x, -x], dim=-1)[..., 0]
    yield x.transpose(2, 3).contiguous().transpose(2, 3)
    wide = noise(*x.shape[:3], x.shape[3] + 3, seed=0, dtype=x.dtype)
    wide[..., 2:-1] = x
    yield wide[..., 2:-1]


@given(
    cfg=arguments(max_stages=3),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    data=st.data())
def test_strides_of_the_images_do_not_matter(cfg, dtype, data):
    model = build(cfg, dtype)
    x = _images(data, cfg, dtype)
    expected = results(model, x)
    for other in _in_other_memory(x):
        found = results(model, other)
        assert largest_difference(found, expected) < (
            1e-10 if dtype == torch.float64 else 1e-4)


@given(cfg=arguments(), data=st.data())
def test_pixels_that_are_left_over_do_not_count(cfg, data):
    model = build(cfg)
    x = _images(data, cfg)
    side = cfg['stem_patch_size']
    rows, columns = (n // side * side for n in x.shape[2:])
    other = x.clone()
    other[..., rows:, :] = other[..., columns:] = torch.nan
    expected, found = results(model, x), results(model, other)
    for name, value in expected.items():
        assert found[name].equal(value), name
    grad = found['images']
    assert not grad[..., rows:, :].any() and not grad[..., columns:].any()
