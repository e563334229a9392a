"""The residual block."""
import pytest
import torch
from mmcv.cnn.bricks import DropPath
from timm_reference import randomise
from torch import nn
from torch.nn import functional as F  # noqa: N812

from mmconvnextv2.models.layers import ConvNeXtV2Block


def test_parameters_of_both_versions():
    v2 = ConvNeXtV2Block(6)
    assert v2.gamma is None and v2.grn.gamma.shape == (24, )
    v1 = ConvNeXtV2Block(6, use_grn=False, layer_scale_init_value=1e-6)
    assert v1.grn is None
    assert torch.equal(v1.gamma, torch.full((6, ), 1e-6))


@pytest.mark.parametrize('scale', [0., 0.5])
def test_steps_of_the_paper(scale):
    block = randomise(
        ConvNeXtV2Block(
            6, use_grn=scale == 0, layer_scale_init_value=scale))
    x = torch.randn(2, 6, 9, 5)
    y = F.conv2d(
        F.pad(x, (3, 3, 3, 3)),
        block.depthwise_conv.weight,
        block.depthwise_conv.bias,
        groups=6).permute(0, 2, 3, 1)
    y = (y - y.mean(-1, keepdim=True)) / (
        y.var(-1, unbiased=False, keepdim=True) + 1e-6)**0.5
    y = y * block.norm.weight + block.norm.bias
    y = y @ block.pointwise_conv1.weight.T + block.pointwise_conv1.bias
    y = y * (1 + torch.erf(y / 2**0.5)) / 2
    if scale == 0:
        g = (y**2).sum((1, 2), keepdim=True).sqrt()
        n = g / (g.mean(-1, keepdim=True) + 1e-6)
        y = block.grn.gamma * (y * n) + block.grn.beta + y
    y = y @ block.pointwise_conv2.weight.T + block.pointwise_conv2.bias
    if scale > 0:
        y = y * block.gamma
    expected = x + y.permute(0, 3, 1, 2)
    for memory in (torch.contiguous_format, torch.channels_last):
        found = block(x.contiguous(memory_format=memory))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        assert found.is_contiguous(memory_format=torch.channels_last)


def test_drop_path_skips_whole_images():
    block = randomise(ConvNeXtV2Block(4, drop_path_rate=0.5))
    assert isinstance(block.drop_path, DropPath)
    assert isinstance(ConvNeXtV2Block(4).drop_path, nn.Identity)
    x = torch.randn(64, 4, 3, 3)
    full = block.eval()(x) - x
    residual = block.train()(x) - x
    kept = residual.flatten(1).abs().amax(1) > 0
    assert 16 < kept.sum() < 48
    torch.testing.assert_close(residual[kept], 2 * full[kept])

