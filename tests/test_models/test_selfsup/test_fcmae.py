import re

import pytest
import torch
from fcmae_reference import fcmae_loss
from mmengine.registry import DefaultScope
from mmpretrain.models import SelfSupDataPreprocessor
from timm_reference import relative_error

from mmconvnextv2.models.selfsup import FCMAE


def build(depths=(1, 1), channels=(6, 8), masked_impl='packed', **changes):
    """A small FCMAE whose parameters all matter."""
    backbone = dict(
        type='mmconvnextv2.ConvNeXtV2',
        arch=dict(depths=list(depths), channels=list(channels)), in_channels=2,
        stem_patch_size=2, final_norm=False, masked_impl=masked_impl)
    backbone.update(changes.pop('backbone', {}))
    patch_size = backbone['stem_patch_size'] * 2**(len(depths) - 1)
    neck = dict(
        type='mmconvnextv2.FCMAEDecoder', in_channels=channels[-1],
        decoder_channels=8, patch_size=patch_size,
        out_channels=backbone['in_channels'])
    neck.update(changes.pop('neck', {}))
    head = dict(type='mmconvnextv2.FCMAEHead', patch_size=patch_size)
    head.update(changes.pop('head', {}))
    model = FCMAE(backbone, neck, head, **changes)
    generator = torch.Generator().manual_seed(0)
    for name, param in model.named_parameters():
        is_norm = name.endswith('weight') and param.ndim == 1
        param.data.normal_(float(is_norm), 0.2, generator=generator)
    return model


@pytest.mark.parametrize('masked_impl', ['packed', 'dense'])
@pytest.mark.parametrize('depths, v1, decoder_depth', [((2, 1), False, 1),
                                                       ((1, 1), True, 2),
                                                       ((1, 2, 1), False, 1)])
def test_equals_reference(masked_impl, depths, v1, decoder_depth):
    changes = dict(use_grn=False, layer_scale_init_value=1.) if v1 else {}
    model = build(
        depths, (4, 5, 6)[:len(depths)], masked_impl, backbone=changes,
        neck=dict(depth=decoder_depth)).double()
    side = model.backbone.stride
    torch.manual_seed(0)
    images = torch.randn(2, 2, 2 * side, 3 * side, dtype=torch.float64)
    # Three and two visible patches.
    is_masked = torch.tensor([[[0, 1, 0], [1, 1, 0]], [[1, 0, 1], [1, 1,
                                                                  0]]]).bool()
    model.loss(images, is_masked=is_masked)['loss'].backward()
    params = {
        name: param.detach().clone().requires_grad_()
        for name, param in model.named_parameters()
    }
    expected = fcmae_loss(images, is_masked, depths, decoder_depth, params)
    expected.backward()
    found = model.loss(images, is_masked=is_masked)['loss']
    assert relative_error(found, expected) < 1e-10
    for name, param in model.named_parameters():
        assert relative_error(param.grad, params[name].grad) < 1e-10, name


V1 = dict(use_grn=False, layer_scale_init_value=1.)
UNET = dict(type='mmconvnextv2.FCMAEUNetDecoder', num_stages=2)
DECODERS = {
    'blocks of V1': dict(neck=dict(depth=2, block_cfg=V1)),
    'UNet': dict(neck=dict(UNET, depth=2)),
    'UNet with skips': dict(
        neck=dict(UNET, in_channels=[6, 8], block_cfg=V1),
        backbone=dict(out_indices=[0, 1])),
    'transformer': dict(neck=dict(
        type='mmconvnextv2.FCMAETransformerDecoder', depth=2, num_heads=2,
        grid=3)),
    'leaky, learned tokens': dict(input_token=True),
}


@pytest.mark.parametrize('name', DECODERS)
def test_decoders_packed_is_dense_and_nothing_leaks(name):
    images = torch.randn(2, 2, 12, 12, dtype=torch.float64)
    is_masked = torch.tensor([[[0, 1, 0], [1, 1, 0], [1, 0, 1]],
                              [[1, 0, 1], [1, 1, 0], [1, 1, 1]]]).bool()
    hidden = is_masked.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, None]
    found = []
    for impl in ('packed', 'dense'):
        model = build(masked_impl=impl, **DECODERS[name]).double()
        loss = model.loss(images, is_masked=is_masked)['loss']
        loss.backward()
        found.append({x: p.grad for x, p in model.named_parameters()
                      if p.requires_grad} | dict(loss=loss.detach()))
        assert all(x.any() for x in found[-1].values())
        pred, _ = model.reconstruct(images, is_masked)
        assert pred.shape == (2, 9, 4 * 4 * 2)
        for value in (7., torch.nan):
            other = images.masked_fill(hidden, value)
            assert torch.equal(model.reconstruct(other, is_masked)[0], pred)
        other = images.masked_fill(~hidden, 7.)
        assert not torch.equal(model.reconstruct(other, is_masked)[0], pred)
    packed, dense = found
    for key, expected in dense.items():
        assert relative_error(packed[key], expected) < 1e-10, key


def test_unet_reads_and_writes_places_where_they_are():
    # A patch of the prediction comes from its own place: nothing mixes.
    model = build(**DECODERS['UNet with skips'])
    for name, param in model.neck.named_parameters():
        if name.endswith('depthwise_conv.weight'):
            param.data.zero_()
    features = [torch.randn(1, 6, 6, 6), torch.randn(1, 8, 3, 3)]
    nothing = torch.zeros(1, 3, 3).bool()
    pred = model.neck(features, nothing)
    features[0][..., 2, 4] += 1.  # in the patch of row 1, column 2
    changed = (model.neck(features, nothing) != pred)[0]
    # The upper left quarter of it: 2 x 2 pixels of 2 channels.
    assert changed.any(1).nonzero().flatten().tolist() == [5]
    assert changed[5].view(4, 4, 2).all(2).nonzero().tolist() == [
        [0, 0], [0, 1], [1, 0], [1, 1]]


def test_loss_draws_from_torchs_generator():
    model = build()
    images = torch.randn(2, 2, 20, 20)
    torch.manual_seed(3)
    first = model.loss(images)
    second = model.loss(images)
    torch.manual_seed(3)
    assert torch.equal(model.loss(images)['loss'], first['loss'])
    assert not torch.equal(first['loss'], second['loss'])
    # 15 of 25 patches at the default ratio of 0.6.
    assert first['mask_ratio'].item() == pytest.approx(0.6)


def test_forward_modes():
    model = build()
    images = torch.randn(2, 2, 12, 12)
    assert [x.shape for x in model(images)] == [(2, 8, 3, 3)]
    pred, is_masked = model.reconstruct(images)
    again, same = model.reconstruct(images, is_masked)
    assert torch.equal(again, pred) and same is is_masked
    loss, log_vars = model.parse_losses(model(images, mode='loss'))
    assert set(log_vars) == {'loss', 'mask_ratio'}
    # The ratio is logged, not added to the loss.
    assert torch.equal(loss, log_vars['loss'])


@pytest.mark.parametrize('masked_impl', ['packed', 'dense', 'leaky'])
def test_bfloat16_autocast(masked_impl):
    model = build(masked_impl=masked_impl)
    torch.manual_seed(0)
    images = torch.randn(2, 2, 20, 20)
    is_masked = model.draw_mask(images)
    with torch.autocast('cpu', torch.bfloat16):
        loss = model.loss(images, is_masked=is_masked)['loss']
    loss.backward()
    assert loss.dtype == torch.float32
    expected = model.loss(images, is_masked=is_masked)['loss']
    torch.testing.assert_close(loss, expected, rtol=0.03, atol=0)
    assert all(p.grad.isfinite().all() for p in model.parameters())


CHANNELS = ('FCMAE expects images (N, 2, H, W), as the backbone has '
            'in_channels=2, got ')


@pytest.mark.parametrize('shape, message', [
    ((2, 2, 12, 0), 'mask_ratio 0.6 leaves nothing visible of 0 patches'),
    ((2, 2, 4, 4), 'mask_ratio 0.6 leaves nothing visible of 1 patches'),
    ((2, 2, 10, 13), 'masked encoding needs images whose height and width are '
     'multiples of 4, got 10 x 13; crop or pad them'),
    ((2, 12, 12), CHANNELS + '(2, 12, 12)'),
    ((2, 3, 12, 12), CHANNELS + '(2, 3, 12, 12). The data_preprocessor may '
     'have changed their channels: with to_rgb=True, or mean and std of 3 '
     'values, it returns 3'),
])
def test_images_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(ValueError, match='^' + re.escape(message)):
        build().loss(torch.zeros(shape))


def test_other_backbone_is_refused():
    with pytest.raises(
            TypeError,
            match='mmconvnextv2.ConvNeXtV2 or a subclass, got ConvNeXt$'):
        FCMAE(
            dict(type='mmpretrain.ConvNeXt', arch='atto'),
            dict(type='mmconvnextv2.FCMAEDecoder', in_channels=320),
            dict(type='mmconvnextv2.FCMAEHead'))


@pytest.mark.parametrize('changes, message', [
    (dict(neck=dict(in_channels=9)),
     'neck.in_channels must be 8 to fit the backbone, got 9'),
    (dict(neck=dict(UNET, in_channels=[6, 8])),
     r'neck.in_channels must be \[8\] to fit the backbone, got \[6, 8\]'),
    (dict(neck=dict(UNET, in_channels=[6, 8], num_stages=3)),
     'must be a number or one per stage, and patch_size and decoder_channels '
     r'multiples of 4 for 3 stages, got \[6, 8\], 4 and 8'),
    (dict(neck=dict(patch_size=8)),
     'neck.patch_size must be 4 to fit the backbone, got 8'),
    (dict(neck=dict(out_channels=3)),
     'neck.out_channels must be 2 to fit the backbone, got 3'),
    (dict(head=dict(patch_size=8)),
     'head.patch_size must be 4 to fit the backbone, got 8'),
    (dict(mask_ratio=1.), 'mask_ratio must lie between 0 and 1, got 1.0'),
    (dict(mask_ratio=0.), 'mask_ratio must lie between 0 and 1, got 0.0'),
])
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_transformer_has_positions_for_one_size():
    model = build(**DECODERS['transformer'])
    with pytest.raises(ValueError, match='for 3 x 3 patches, got 3 x 4; set '):
        model.loss(torch.zeros(1, 2, 12, 16))


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_builds_under_every_default_scope(scope):
    given = dict(mean=[1.], std=[3.])
    with DefaultScope.overwrite_default_scope(scope):
        model = build(data_preprocessor=given)
    assert given == dict(mean=[1.], std=[3.])
    assert type(model.data_preprocessor) is SelfSupDataPreprocessor
    assert model.data_preprocessor.mean.flatten().tolist() == [1]
