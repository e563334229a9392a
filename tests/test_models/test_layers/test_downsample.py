"""The stem and the reductions between stages."""
import pytest
import torch
from timm_reference import randomise
from torch.nn import functional as F  # noqa: N812

from mmconvnextv2.models.layers.downsample import Downsample, Stem


@pytest.mark.parametrize('in_channels, patch, size', [
    (3, 4, (16, 8)), (3, 4, (19, 11)), (1, 2, (5, 4)), (7, 8, (8, 15))])
def test_stem_is_linear_in_patches(in_channels, patch, size):
    stem = randomise(Stem(in_channels, 5, patch))
    x = torch.randn(2, in_channels, *size)
    conv, norm = stem
    patches = F.unfold(x, patch, stride=patch).transpose(1, 2)
    expected = F.layer_norm(patches @ conv.weight.flatten(1).T + conv.bias,
                            (5, ), norm.weight, norm.bias, 1e-6)
    y = stem(x)
    assert y.shape == (2, 5, size[0] // patch, size[1] // patch)
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(
        y.flatten(2).mT, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('size', [(4, 6), (5, 7), (3, 2)])
def test_downsample_is_linear_in_two_by_two_sites(size):
    down = randomise(Downsample(6, 5))
    x = torch.randn(2, 6, *size)
    norm, conv = down
    h, w = size[0] // 2, size[1] // 2
    y = F.layer_norm(x.permute(0, 2, 3, 1), (6, ), norm.weight, norm.bias,
                     1e-6)[:, :2 * h, :2 * w]
    # (N, h, 2, w, 2, C) with the four sites of each output side by side.
    y = y.reshape(2, h, 2, w, 2, 6).transpose(2, 3).flatten(3)
    weight = conv.weight.permute(0, 2, 3, 1).flatten(1)
    got = down(x)
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got.permute(0, 2, 3, 1),
                               y @ weight.T + conv.bias, rtol=1e-4, atol=1e-5)
