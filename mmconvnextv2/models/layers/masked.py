"""From a mask to the layout that a backbone encodes it in."""
from typing import Sequence

import torch
from torch import Tensor

from mmconvnextv2.ops.compile import not_compiled
from .layout import DenseGrid, LeakyGrid, MaskedGrid, PackedPatches

MASKED_LAYOUTS = dict(packed=PackedPatches, dense=MaskedGrid, leaky=LeakyGrid)


@not_compiled
def build_layout(impl: str, images: Tensor, is_masked: Tensor, stride: int,
                 sides: Sequence[int]) -> DenseGrid:
    """Check a mask against its images and build the layout it calls for.

    Args:
        impl (str): A key of ``MASKED_LAYOUTS``.
        images (Tensor): (N, C, H, W).
        is_masked (Tensor): (N, H / stride, W / stride), bool, True = masked.
        stride (int): Pixels per side of a patch.
        sides (Sequence[int]): Sites per side of a patch, for each stage.

    Raises:
        TypeError: If the mask is not a tensor of type bool.
        ValueError: If the images are not made of whole patches, the mask does
            not have their shape, or an image has nothing visible.
    """
    if not isinstance(is_masked, Tensor) or is_masked.dtype != torch.bool:
        raise TypeError(
            'is_masked must be a tensor of type torch.bool, True = masked, '
            f'got {getattr(is_masked, "dtype", type(is_masked).__name__)}')
    n, _, height, width = images.shape
    if height % stride or width % stride:
        raise ValueError(
            'masked encoding needs images whose height and width are '
            f'multiples of {stride}, got {height} x {width}; crop or pad them')
    expected = (n, height // stride, width // stride)
    if tuple(is_masked.shape) != expected:
        raise ValueError(
            f'is_masked must have the shape {expected} (one entry per image '
            f'and {stride} x {stride} patch), got {tuple(is_masked.shape)}')
    empty = is_masked.flatten(1).all(1).nonzero().flatten().tolist()
    if empty:
        raise ValueError('is_masked leaves nothing visible in the images '
                         f'{empty} of the batch')
    return MASKED_LAYOUTS[impl](is_masked, (stride, *sides), images.device)
