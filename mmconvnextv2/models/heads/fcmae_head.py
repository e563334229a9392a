"""The target and the loss of FCMAE."""
from typing import Optional, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmconvnextv2.ops.compile import not_compiled
from mmconvnextv2.registry import MODELS, register

_VARIANCE_EPS = 1e-6


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images (N, C, h * p, w * p) into patches (N, h * w, p * p * C).

    In reading order: the pixels of a patch row by row, the channels of a pixel
    together.

    Raises:
        ValueError: If the images are not made of whole patches.
    """
    if images.shape[-2] % patch_size or images.shape[-1] % patch_size:
        raise ValueError(
            f'images must have sides that are multiples of {patch_size}, got '
            f'{images.shape[-2]} x {images.shape[-1]}')
    x = images.unflatten(3, (-1, patch_size)).unflatten(2, (-1, patch_size))
    return x.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


def unpatchify(patches: Tensor, grid: Tuple[int, int],
               patch_size: int) -> Tensor:
    """Put patches together, the inverse of ``patchify``; grid is (h, w)."""
    x = patches.unflatten(2, (patch_size, patch_size, -1)).unflatten(1, grid)
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4).flatten(2, 3)


@not_compiled
def _check_something_is_masked(is_masked: Tensor) -> None:
    if not is_masked.any():
        raise ValueError('FCMAEHead: is_masked masks nothing, so there is '
                         'nothing to predict and the loss is not defined')


@register(MODELS)
class FCMAEHead(BaseModule):
    """Mean squared error on the pixels of the masked patches.

    The target of a patch is its pixels, normalised by their mean and unbiased
    variance (+ 1e-6). The loss is averaged over a patch, then over the masked
    patches of the batch. Images need not be square.

    Args:
        patch_size (int): Pixels per side of a patch. Defaults to 32.
        norm_pix (bool): Whether targets are normalised. Defaults to True.
        loss (dict): The loss between prediction and target (N, L, D) under a
            mask (N, L). Defaults to mmpretrain's squared error.
    """

    def __init__(self,
                 patch_size: int = 32,
                 norm_pix: bool = True,
                 loss: Optional[dict] = None) -> None:
        super().__init__()
        if patch_size < 1:
            raise ValueError('FCMAEHead: patch_size must be positive, got '
                             f'{patch_size}')
        self.patch_size = patch_size
        self.norm_pix = norm_pix
        self.loss_module = MODELS.build(loss or dict(
            type='mmpretrain.PixelReconstructionLoss', criterion='L2'))

    def _moments(self, patches: Tensor) -> Tuple[Tensor, Tensor]:
        var, mean = torch.var_mean(patches, dim=-1, keepdim=True)
        return mean, (var + _VARIANCE_EPS).sqrt()

    def target(self, images: Tensor) -> Tensor:
        """Compute the values to predict.

        (N, L, p * p * C), in float32 at least, for images (N, C, H, W) as the
        encoder gets them.
        """
        patches = patchify(images, self.patch_size)
        patches = patches.to(torch.promote_types(images.dtype, torch.float32))
        if not self.norm_pix:
            return patches
        mean, std = self._moments(patches)
        return (patches - mean) / std

    def to_images(self, pred: Tensor, images: Tensor) -> Tensor:
        """Turn predictions (N, L, p * p * C) into images: undo ``target``.

        The patches of ``images`` (N, C, H, W) give means and variances back.
        """
        if self.norm_pix:
            mean, std = self._moments(patchify(images, self.patch_size))
            pred = pred * std + mean
        grid = tuple(side // self.patch_size for side in images.shape[-2:])
        return unpatchify(pred, grid, self.patch_size)

    def loss(self, pred: Tensor, images: Tensor, is_masked: Tensor) -> Tensor:
        """Compare predictions with the masked patches.

        Predicting every patch's mean gives almost 1.

        Args:
            pred (Tensor): (N, L, p * p * C).
            images (Tensor): (N, C, H, W), as the encoder gets them.
            is_masked (Tensor): (N, h, w), bool, True = masked.

        Raises:
            ValueError: If nothing is masked.
        """
        _check_something_is_masked(is_masked)
        target = self.target(images)
        return self.loss_module(pred.to(target.dtype), target,
                                is_masked.flatten(1).to(pred.device))
