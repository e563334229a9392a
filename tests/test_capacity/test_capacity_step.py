import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.capacity.autocast import CudaAutocast
from mmconvnextv2.capacity.step import (
    MODES,
    build,
    loss_of,
    model_config,
    numels,
    trace_step,
)
from mmconvnextv2.models.layers import ConvNeXtV2Block
from mmconvnextv2.ops.dispatch import plain_layers

N, S, C = 2, 6 * 5, 8


def small(mode, **backbone):
    """A recipe's model with two stages, for images of 8-pixel patches."""
    cfg = model_config('atto', mode)
    cfg.backbone.arch = dict(depths=[1, 2], channels=[8, 16])
    cfg.backbone.update(backbone)
    if mode == 'fcmae':
        cfg.neck.update(in_channels=16, decoder_channels=8, patch_size=8)
        cfg.head.patch_size = 8
    else:
        cfg.head.update(in_channels=16, num_classes=4)
    return cfg


def on_the_cpu(cfg):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg).train()


class Saved:
    """Bytes that autograd saves, each storage once and no parameter."""

    def __init__(self, model):
        self.own = {p.untyped_storage()._cdata for p in model.parameters()}
        self.kept = {}

    def __call__(self, x):
        storage = x.untyped_storage()
        if storage._cdata not in self.own:
            self.kept[storage._cdata] = storage
        return x

    @property
    def nbytes(self):
        return sum(x.nbytes() for x in self.kept.values())


def saved_by(model, compute):
    saved = Saved(model)
    with torch.autograd.graph.saved_tensors_hooks(saved, lambda x: x):
        out = compute()
    return saved.nbytes, out


def test_a_block_by_hand_in_float32():
    block = ConvNeXtV2Block(C).to('meta')
    x = torch.empty(N, 6, 5, C, device='meta')
    found, _ = saved_by(block, lambda: block(x))
    maps = (
        C  # input of the depthwise convolution
        + C + 2  # LayerNorm: input, mean and reciprocal deviation
        + C  # first linear layer: input
        + 4 * C  # GELU: input
        + 4 * C  # norm and scale of GRN: the same input
        + 4 * C)  # second linear layer: input
    # Norm, capped norm, response and scale of each channel; the mean norm.
    statistics = 4 * 4 * C + 1
    assert found == 4 * (N * S * maps + N * statistics)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_a_block_by_hand_under_autocast(dtype):
    block = ConvNeXtV2Block(C).to('meta')
    x = torch.empty(N, 6, 5, C, device='meta')
    with CudaAutocast(dtype):
        found, _ = saved_by(block, lambda: block(x))
    half = C + C + 4 * C + 4 * C + 4 * C  # convolution, MLP as above
    floats = C + 2  # LayerNorm, which runs in float32
    statistics = 4 * 4 * C + 1  # GRN's, in float32
    weights = 49 * C + 2 * 4 * C**2  # copies of these, and of no bias
    assert found == (
        N * S * (2 * half + 4 * floats) + 4 * N * statistics + 2 * weights)


@pytest.mark.parametrize('mode', ['dense', 'checkpointed'])
def test_kept_is_what_autograd_saves_on_a_real_device(mode):
    cfg = small(mode, drop_path_rate=0.)
    model = on_the_cpu(cfg)
    images = torch.rand(N, 3, 32, 32)
    with plain_layers():
        saved, loss = saved_by(model, lambda: loss_of(model, images))
        real = trace_step(model, N, 32)
    trace = trace_step(build(cfg), N, 32)
    assert trace == real
    # The stem saves a copy of the images, in channels-last memory.
    assert trace.kept == saved + images.nbytes + loss.nbytes


def test_packed_patches_keep_what_they_keep_on_a_real_device():
    cfg = small('fcmae')
    with plain_layers():
        real = trace_step(on_the_cpu(cfg), N, 64)
    # Decoder and loss have a copy each of a mask that is on another device.
    patches = (64 // 8)**2
    assert trace_step(build(cfg), N, 64).kept == real.kept + N * patches


@pytest.mark.parametrize('mode', MODES)
def test_bytes_are_affine_in_pixels_and_images(mode):
    model = build(small(mode))
    # 0.4 of 25, 100 and 225 patches are whole numbers.
    sides = (40, 80, 120)
    few, more, most = (trace_step(model, 2, side).kept for side in sides)
    # Areas are as 1, 4 and 9.
    assert (more - few) * (9 - 1) == (most - few) * (4 - 1)
    by_batch = [trace_step(model, n, 40).kept for n in (2, 3, 7)]
    assert by_batch[2] - by_batch[1] == 4 * (by_batch[1] - by_batch[0])


def test_checkpointing_keeps_less():
    kept, peak = {}, {}
    for mode in ('dense', 'checkpointed'):
        trace = trace_step(build(small(mode)), N, 64)
        kept[mode], peak[mode] = trace.kept, max(trace.moments)
    assert kept['checkpointed'] < 0.4 * kept['dense']
    assert kept['checkpointed'] < peak['checkpointed'] < peak['dense']


@pytest.mark.parametrize('mode', MODES)
def test_half_precisions_take_the_same(mode):
    model = build(small(mode))
    bf16 = trace_step(model, N, 64, 'bf16')
    assert bf16 == trace_step(model, N, 64, 'fp16')
    assert bf16.kept < trace_step(model, N, 64).kept


def test_recipes():
    assert model_config('atto', 'dense').backbone.get('with_cp') is None
    assert model_config('huge', 'checkpointed').backbone.with_cp is True
    fcmae = model_config('base', 'fcmae')
    assert (fcmae.type, fcmae.mask_ratio) == ('mmconvnextv2.FCMAE', 0.6)


def test_numels():
    model = build(model_config('atto', 'dense'))
    # ConvNeXt V2, Table 13: 3.7M; norms and GRN are not copied.
    assert numels(model) == (3708400, 3688720)


@pytest.mark.parametrize('size, mode, message', [
    ('small', 'dense', "size must be one of .*'huge'.*, got 'small'"),
    ('atto', 'sparse', "mode must be one of .*'fcmae'.*, got 'sparse'"),
])
def test_unknown_names(size, mode, message):
    with pytest.raises(ValueError, match=message):
        model_config(size, mode)
