import pytest
import torch
from torch import nn

from mmconvnextv2.models.layers.masked_layout import (
    DENSE_GRID,
    LeakyGrid,
    MaskedGrid,
    PackedPatches,
    build_layout,
)
from mmconvnextv2.ops import dispatch

CPU = torch.device('cpu')
# Three patches of six are visible in the first image, two in the second.
UNEQUAL = torch.tensor([[[0, 1, 0], [1, 0, 1]], [[1, 1, 1], [1, 0, 0]]]).bool()
EQUAL = UNEQUAL[:1]


def depthwise(channels=4):
    torch.manual_seed(0)
    return nn.Conv2d(channels, channels, 7, padding=3, groups=channels)


def test_packed_order():
    # Pixels hold their own number; patches of 2 x 2 pixels.
    images = torch.arange(24.).view(1, 1, 4, 6)
    packed = PackedPatches(EQUAL, (2, 1), CPU).pack(images)
    assert packed.shape == (1, 1, 6, 2)
    assert packed.flatten().tolist() == [
        0, 1, 6, 7, 4, 5, 10, 11, 14, 15, 20, 21
    ]


def test_packed_fills_up_with_black_patches():
    images = torch.full((2, 3, 8, 12), torch.nan)
    is_visible = ~UNEQUAL.repeat_interleave(4, 1).repeat_interleave(4, 2)
    images.permute(0, 2, 3, 1)[is_visible] = 1.
    packed = PackedPatches(UNEQUAL, (4, ), CPU).pack(images)
    assert packed.shape == (2, 3, 12, 4)
    assert (packed[0] == 1).all() and (packed[1, :, :8] == 1).all()
    assert (packed[1, :, 8:] == 0).all()


@pytest.mark.parametrize('is_masked', [EQUAL, UNEQUAL])
@pytest.mark.parametrize('side', [1, 2, 4])
def test_unpack(is_masked, side):
    n, h, w = is_masked.shape
    images = torch.randn(n, 5, h * side, w * side)
    hidden = is_masked.repeat_interleave(side, 1).repeat_interleave(side, 2)
    expected = images.masked_fill(hidden[:, None], 0.)
    for layout in (PackedPatches, MaskedGrid, LeakyGrid):
        layout = layout(is_masked, (side, ), CPU)
        # Each turns what it packed into the map again.
        assert torch.equal(layout.unpack(layout.pack(images)), expected)
    assert DENSE_GRID.unpack(DENSE_GRID.pack(images)) is images


@pytest.mark.parametrize('is_masked', [EQUAL, UNEQUAL])
@pytest.mark.parametrize('side', [1, 2, 4])
def test_depthwise_sees_visible_sites_only(is_masked, side):
    conv = depthwise()
    n, h, w = is_masked.shape
    images = torch.randn(n, 4, h * side, w * side, requires_grad=True)
    hidden = is_masked.repeat_interleave(side, 1).repeat_interleave(side, 2)
    hidden = hidden[:, None]
    expected = conv(images.masked_fill(hidden, 0.)).masked_fill(hidden, 0.)
    grad, = torch.autograd.grad(expected.square().sum(), images)
    for layout in (PackedPatches, MaskedGrid):
        layout = layout(is_masked, (side, ), CPU)
        x = layout.pack(images).permute(0, 2, 3, 1)
        y = dispatch.depthwise_norm(
            layout.only_visible(x), conv, nn.Identity(), layout.runs(x))
        found = layout.unpack(y.permute(0, 3, 1, 2))
        torch.testing.assert_close(found, expected)
        found_grad, = torch.autograd.grad(found.square().sum(), images)
        torch.testing.assert_close(found_grad, grad)


def test_nothing_is_copied_where_all_is_visible():
    x = torch.ones(1, 3 * 2, 2, 5)  # three patches of 2 x 2 sites
    assert PackedPatches(EQUAL, (2, ), CPU).only_visible(x) is x
    assert DENSE_GRID.only_visible(x) is x


@pytest.mark.parametrize('size, is_masked, error, message', [
    ((64, 96), UNEQUAL.float(), TypeError,
     r'torch.bool, True = masked, got torch.float32'),
    ((64, 96), [[True]], TypeError, 'True = masked, got list'),
    ((64, 90), UNEQUAL, ValueError,
     'multiples of 32, got 64 x 90; crop or pad them'),
    ((64, 64), UNEQUAL, ValueError,
     r'the shape \(2, 2, 2\) .* got \(2, 2, 3\)'),
    ((64, 96), UNEQUAL.flatten(1), ValueError,
     r'the shape \(2, 2, 3\) .* got \(2, 6\)'),
    ((64, 96), UNEQUAL[:1], ValueError,
     r'the shape \(2, 2, 3\) .* got \(1, 2, 3\)'),
    ((64, 96), UNEQUAL | torch.tensor([False, True])[:, None, None],
     ValueError, r'nothing visible in the images \[1\] of the batch'),
])
@pytest.mark.parametrize('impl', ['packed', 'dense', 'leaky'])
def test_masks_that_do_not_fit(impl, size, is_masked, error, message):
    with pytest.raises(error, match=message):
        build_layout(impl, torch.zeros(2, 3, *size), is_masked, 32, (8, 1))
