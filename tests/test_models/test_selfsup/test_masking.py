import pytest
import torch

from mmconvnextv2.models.selfsup import count_visible, draw_mask


@pytest.mark.parametrize('num_patches, mask_ratio, visible', [
    (49, 0.6, 19),
    (16, 0.6, 6),
    (9, 0.6, 3),
    (100, 0.75, 25),
    (2, 0.5, 1),
])
def test_count_visible(num_patches, mask_ratio, visible):
    assert count_visible(num_patches, mask_ratio) == visible


@pytest.mark.parametrize('num_patches, mask_ratio, left', [
    (49, 0.99, 'visible'),
    (2, 0.6, 'visible'),
    (1, 0.5, 'visible'),
    (49, 0., 'masked'),
])
def test_ratio_that_rounds_to_nothing(num_patches, mask_ratio, left):
    with pytest.raises(
            ValueError,
            match=f'mask_ratio {mask_ratio} leaves nothing {left} of '
            f'{num_patches} patches'):
        draw_mask(1, (1, num_patches), mask_ratio)


def test_draw_mask():
    torch.manual_seed(0)
    is_masked = draw_mask(64, (5, 8), 0.6)
    assert is_masked.shape == (64, 5, 8) and is_masked.dtype == torch.bool
    assert (is_masked.flatten(1).sum(1) == 24).all()
    # Each image has a mask of its own.
    assert len(is_masked.flatten(1).unique(dim=0)) == 64
    # Every patch is masked as often: 64 draws at 0.6 have a deviation of 4.
    assert (is_masked.sum(0) - 38.4).abs().max() < 16


def test_draw_mask_from_a_generator_of_its_own():
    state = torch.get_rng_state()
    masks = [
        draw_mask(4, (7, 7), 0.6, generator=torch.Generator().manual_seed(5))
        for _ in range(2)
    ]
    assert torch.equal(*masks)
    assert torch.equal(torch.get_rng_state(), state)
