"""An inferencer for FCMAE, which has none elsewhere."""
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope
from torch import Tensor

from mmconvnextv2.visualization.reconstruction import draw_reconstructions


class Reconstruction(NamedTuple):
    """What FCMAE makes of an image.

    Attributes:
        inputs (Tensor): (1, C, H, W), preprocessed.
        is_masked (Tensor): (1, h, w), bool, True = masked.
        loss (float): The head's, over the masked patches.
    """

    inputs: Tensor
    is_masked: Tensor
    loss: float


def load_patches(image: Union[str, np.ndarray], size: int,
                 stride: int) -> Tensor:
    """Read an image and cut it to whole patches.

    Args:
        image (str | ndarray): A path, or (H, W, 3), uint8, BGR.
        size (int): Pixels that the shorter side is resized to.
        stride (int): Pixels per side of a patch; both sides are cropped to
            multiples of it, at the centre.

    Returns:
        Tensor: (3, H, W), uint8, BGR.

    Raises:
        ValueError: If it cannot be read.
    """
    pixels = mmcv.imread(image)
    if pixels is None:
        raise ValueError(f'{image} cannot be read as an image')
    scale = size / min(pixels.shape[:2])
    pixels = mmcv.imrescale(pixels, scale, interpolation='bicubic')
    height, width = (side // stride * stride for side in pixels.shape[:2])
    top = (pixels.shape[0] - height) // 2
    left = (pixels.shape[1] - width) // 2
    pixels = pixels[top:top + height, left:left + width]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


class FCMAEInferencer(BaseInferencer):
    """Mask images and reconstruct them.

    Images are treated one at a time, each with the same seed, so that what
    becomes of one does not depend on the others.

    Args:
        model (str | Config): A config of FCMAE, or its path.
        weights (str, optional): See ``BaseInferencer``.
        device (str, optional): Where to compute. By default a GPU if there is
            one.
        size (int): Pixels that the shorter side is resized to. Defaults to
            224.
        seed (int): Seed of an image's mask. Defaults to 0.

    Raises:
        ValueError: If ``size`` is less than a patch.
    """

    def __init__(self,
                 model: Union[str, Config],
                 weights: Optional[str] = None,
                 device: Optional[str] = None,
                 size: int = 224,
                 seed: int = 0) -> None:
        init_default_scope('mmpretrain')
        self.size = size
        self.seed = seed
        super().__init__(
            model, weights, device, scope='mmpretrain', show_progress=False)
        stride = self.model.backbone.stride
        if size < stride:
            raise ValueError(f'size must be at least {stride}, the side of a '
                             f'patch, got {size}')

    def _init_pipeline(self, cfg: Config) -> Callable:
        return lambda image: load_patches(image, self.size, self.model.backbone
                                          .stride)

    def _init_collate(self, cfg: Config) -> Callable:
        return lambda images: dict(
            inputs=torch.stack(images), data_samples=None)

    def _init_visualizer(self, cfg: Config) -> None:
        return None

    def __call__(self, inputs: Any, **kwargs: Any) -> Dict[str, list]:
        """Reconstruct images.

        Args:
            inputs (str | ndarray | list): An image, a folder, or a list of
                images.

        Returns:
            dict: ``predictions``, a dict per image, and ``visualization``, a
            picture (H, 4 * W, 3), uint8, RGB, per image.
        """
        return super().__call__(inputs, batch_size=1, **kwargs)

    @torch.no_grad()
    def forward(self, inputs: dict, **kwargs: Any) -> List[Reconstruction]:
        """Mask and reconstruct one image, (1, 3, H, W), uint8, BGR."""
        images = self.model.data_preprocessor(inputs)['inputs']
        generator = torch.Generator().manual_seed(self.seed)
        is_masked = self.model.draw_mask(images, generator)
        pred, _ = self.model.reconstruct(images, is_masked)
        loss = self.model.head.loss(pred, images, is_masked)
        return [Reconstruction(images, is_masked, float(loss))]

    def visualize(self, inputs: list, preds: List[Reconstruction],
                  **kwargs: Any) -> List[np.ndarray]:
        """Draw original, masked, reconstruction, and visible pasted back."""
        return [
            draw_reconstructions(self.model, x.inputs, x.is_masked)
            for x in preds
        ]

    def postprocess(self,
                    preds: List[Reconstruction],
                    visualization: List[np.ndarray],
                    return_datasample: bool = False,
                    **kwargs: Any) -> Dict[str, list]:
        """Put results into what JSON can hold."""
        predictions = [
            dict(
                loss=x.loss,
                size=list(x.inputs.shape[-2:]),
                is_masked=x.is_masked[0].int().tolist()) for x in preds
        ]
        return dict(predictions=predictions, visualization=visualization)
