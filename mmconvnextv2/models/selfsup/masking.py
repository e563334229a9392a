"""Random masks for pre-training."""
from typing import Optional, Tuple, Union

import torch
from torch import Tensor


def count_visible(num_patches: int, mask_ratio: float) -> int:
    """Count the patches of an image that stay visible, rounded down.

    19 of 49 at a ratio of 0.6, as in the official code.

    Raises:
        ValueError: If nothing would be visible, or nothing masked.
    """
    visible = int(num_patches * (1 - mask_ratio))
    if not 0 < visible < num_patches:
        left = 'visible' if visible <= 0 else 'masked'
        raise ValueError(
            f'mask_ratio {mask_ratio} leaves nothing {left} of {num_patches} '
            'patches; it must lie between 0 and 1 and suit the image size')
    return visible


def draw_mask(num_images: int,
              grid: Tuple[int, int],
              mask_ratio: float,
              device: Union[torch.device, str] = 'cpu',
              generator: Optional[torch.Generator] = None) -> Tensor:
    """Draw a mask for each image, all with the same number of patches.

    Args:
        num_images (int): N.
        grid (tuple[int, int]): Patches per image, (h, w).
        mask_ratio (float): Share of the patches to mask.
        device (torch.device | str): Device to draw on. A seed gives the same
            mask on the same kind of device only. Defaults to 'cpu', where
            backbones read masks without waiting.
        generator (torch.Generator, optional): Defaults to the device's own.

    Returns:
        Tensor: (N, h, w), bool, True = masked.

    Raises:
        ValueError: If nothing would be visible, or nothing masked.
    """
    num_patches = grid[0] * grid[1]
    visible = count_visible(num_patches, mask_ratio)
    order = torch.rand(
        num_images, num_patches, device=device, generator=generator).argsort(1)
    is_masked = torch.ones_like(order, dtype=torch.bool)
    is_masked.scatter_(1, order[:, :visible], False)
    return is_masked.view(num_images, *grid)
