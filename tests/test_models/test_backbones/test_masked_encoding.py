import copy

import pytest
import torch

from mmconvnextv2 import ConvNeXtV2

IMPLS = ('packed', 'dense')


def build(masked_impl='packed', **changes):
    arguments = dict(
        arch=dict(depths=[1, 1, 2], channels=[8, 10, 12]),
        stem_patch_size=2,
        final_norm=False,
        masked_impl=masked_impl)
    arguments.update(changes)
    model = ConvNeXtV2(**arguments)
    generator = torch.Generator().manual_seed(0)
    for name, param in model.named_parameters():
        is_norm = name.endswith('weight') and param.ndim == 1
        param.data.normal_(float(is_norm), 0.2, generator=generator)
    return model


def encode(model, images, is_masked, cotangent):
    """Features, and the gradients of all parameters for a cotangent."""
    features, = model(images, is_masked)
    grads = torch.autograd.grad(features, list(model.parameters()), cotangent)
    return features, grads


def same(first, second):
    """Whether features and gradients agree bit for bit."""
    return torch.equal(first[0], second[0]) and all(
        torch.equal(a, b) for a, b in zip(first[1], second[1]))


def batch(unequal):
    torch.manual_seed(0)
    images = torch.randn(3, 3, 24, 32)
    is_masked = torch.rand(3, 3, 4).argsort(-1) < 2
    if unequal:
        is_masked[0, 0] = True
    return images, is_masked, torch.randn(3, 12, 3, 4)


def at_masked(images, is_masked, value):
    """Images with ``value`` at masked pixels."""
    side = images.shape[2] // is_masked.shape[1]
    hidden = is_masked.repeat_interleave(side, 1).repeat_interleave(side, 2)
    return torch.where(hidden[:, None], value, images)


@pytest.mark.parametrize('unequal', [False, True])
@pytest.mark.parametrize('masked_impl', IMPLS)
def test_masked_pixels_cannot_leak(masked_impl, unequal):
    model = build(masked_impl)
    images, is_masked, cotangent = batch(unequal)
    expected = encode(model, images, is_masked, cotangent)
    others = 10 * torch.randn_like(images)
    for value in (others, torch.tensor(torch.nan), torch.tensor(torch.inf)):
        changed = at_masked(images, is_masked, value)
        assert same(encode(model, changed, is_masked, cotangent), expected)


def test_leak_would_be_seen():
    # The same comparison on an encoder that sees everything must fail.
    model = build()
    images, is_masked, cotangent = batch(False)
    cotangent = cotangent.masked_fill(is_masked[:, None], 0.)
    changed = at_masked(images, is_masked, torch.tensor(3.))
    first, second = (
        encode(model, x, None, cotangent) for x in (images, changed))
    hidden = is_masked[:, None]
    assert not torch.equal(first[0].masked_fill(hidden, 0.),
                           second[0].masked_fill(hidden, 0.))
    # All parameters but the last two offsets, which no feature enters.
    equal = [torch.equal(a, b) for a, b in zip(first[1], second[1])]
    assert sum(equal) == 2


@pytest.mark.parametrize('unequal', [False, True])
@pytest.mark.parametrize('masked_impl', IMPLS)
def test_images_are_encoded_apart(masked_impl, unequal):
    model = build(masked_impl)
    images, is_masked, cotangent = batch(unequal)
    cotangent[1] = 0.
    expected = encode(model, images, is_masked, cotangent)
    images[1] = 10 * torch.randn_like(images[1])
    found = encode(model, images, is_masked, cotangent)
    assert not torch.equal(found[0][1], expected[0][1])
    assert torch.equal(found[0][[0, 2]], expected[0][[0, 2]])
    assert all(torch.equal(a, b) for a, b in zip(found[1], expected[1]))
    # Nor does it matter which other images there are.
    alone, = model(images[:1], is_masked[:1])
    torch.testing.assert_close(alone, expected[0][:1])


@pytest.mark.parametrize('masked_impl, leaks', [('packed', False),
                                                ('dense', False),
                                                ('leaky', True)])
def test_nothing_travels_through_masked_sites(masked_impl, leaks):
    # Two visible patches, too far apart for one convolution in any stage; no
    # GRN, which would couple them. Only masked sites could carry news.
    model = build(masked_impl, use_grn=False)
    images = torch.randn(1, 3, 8, 72, generator=torch.Generator())
    is_masked = torch.ones(1, 1, 9, dtype=torch.bool)
    is_masked[..., [0, 5]] = False
    expected, = model(images, is_masked)
    images[..., :8] += 1.
    found, = model(images, is_masked)
    assert not torch.equal(found[..., 0], expected[..., 0])
    assert torch.equal(found[..., 5], expected[..., 5]) is not leaks


@pytest.mark.parametrize('masked_impl', ['packed', 'dense', 'leaky'])
def test_masked_places_are_zero(masked_impl):
    images, is_masked, _ = batch(True)
    features, = build(masked_impl)(images, is_masked)
    assert features.shape == (3, 12, 3, 4)
    assert torch.equal((features == 0).all(1), is_masked)


@pytest.mark.parametrize('final_norm', [False, True])
@pytest.mark.parametrize('masked_impl', ['packed', 'dense', 'leaky'])
def test_all_visible_equals_the_dense_backbone(masked_impl, final_norm):
    model = build(
        masked_impl,
        final_norm=final_norm,
        gap_before_final_norm=False,
        out_indices=(0, 1, 2)).double()
    images = torch.randn(2, 3, 24, 32, dtype=torch.float64)
    is_masked = torch.zeros(2, 3, 4, dtype=torch.bool)
    for found, expected in zip(model(images, is_masked), model(images)):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize('masked_impl', IMPLS)
def test_every_stage_can_be_output(masked_impl):
    outputs = {}
    images, is_masked, _ = batch(True)
    for impl in IMPLS:
        model = build(
            impl,
            out_indices=(0, 1, 2),
            final_norm=True,
            gap_before_final_norm=False)
        outputs[impl] = model(images, is_masked)
    assert [x.shape[2:] for x in outputs['packed']] == [(12, 16), (6, 8),
                                                        (3, 4)]
    for packed, dense in zip(outputs['packed'], outputs['dense']):
        torch.testing.assert_close(packed, dense, rtol=1e-4, atol=1e-5)


def test_drop_path_is_drawn_per_image():
    images, is_masked, _ = batch(True)
    outputs = []
    for impl in IMPLS:
        model = build(impl, drop_path_rate=0.5).train()
        torch.manual_seed(2)
        outputs.append(model(images, is_masked)[0])
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-5)
    torch.manual_seed(3)
    assert not torch.equal(model(images, is_masked)[0], outputs[1])


@pytest.mark.parametrize('masked_impl', IMPLS)
def test_checkpointing_changes_nothing(masked_impl):
    images, is_masked, cotangent = batch(True)
    plain = encode(build(masked_impl), images, is_masked, cotangent)
    found = encode(
        build(masked_impl, with_cp=True), images, is_masked, cotangent)
    assert same(found, plain)


def test_frozen_stages_get_no_gradient():
    model = build(frozen_stages=1).train()
    images, is_masked, _ = batch(False)
    model(images, is_masked)[0].sum().backward()
    with_grad = {
        name.split('.')[1]
        for name, param in model.named_parameters() if param.grad is not None
    }
    assert with_grad == {'1', '2'}


def test_mask_is_not_kept():
    model = build()
    images, is_masked, _ = batch(True)
    before = copy.deepcopy(vars(model))
    expected, = model(images)
    model(images, is_masked)
    assert vars(model).keys() == before.keys()
    assert torch.equal(model(images)[0], expected)


def saved_bytes(model, *inputs):
    """Bytes that autograd keeps for the backward pass, parameters aside."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    storages = {}

    def pack(x):
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = (storage.nbytes(), x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        output = model(*inputs)
    total = sum(size for size, _ in storages.values())
    del output
    return total


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
        build('sparse')
    model = build(final_norm=True)
    images, is_masked, _ = batch(False)
    with pytest.raises(ValueError, match='has no meaning under a mask'):
        model(images, is_masked)
    with pytest.raises(ValueError, match='multiples of 8, got 24 x 30'):
        build()(images[..., :30], is_masked)
