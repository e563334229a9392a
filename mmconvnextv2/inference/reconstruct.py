"""Reconstruction of masked images by FCMAE."""
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope

from mmconvnextv2.images import read_centre
from mmconvnextv2.visualization.reconstruction import draw_reconstructions
from .results import Prediction


class Reconstructor:
    """Mask images and reconstruct them, one at a time.

    Args:
        cfg (Config): A config of FCMAE. Weights stay random.
        size (int): Length to which the shorter side of an image is resized,
            in pixels; both sides are then cropped to whole patches. Defaults
            to 224.
        device (str, optional): Defaults to None, a GPU if there is one.

    Raises:
        ValueError: If the model is not FCMAE, or ``size`` is less than the
            side of a patch.
    """

    def __init__(self, cfg: Config, size: int = 224,
                 device: Optional[str] = None) -> None:
        init_default_scope(cfg.get('default_scope', 'mmpretrain'))
        if not cfg.get('model'):
            raise ValueError('the config has no model')
        model = MODELS.build(cfg.model)
        if not hasattr(model, 'reconstruct'):
            raise ValueError(
                f'the model must be FCMAE, got {type(model).__name__}')
        self.stride = model.backbone.stride
        if size < self.stride:
            raise ValueError(f'size must be at least {self.stride}, the side '
                             f'of a patch, got {size}')
        self.size = size
        self.model = model.to(device or get_device()).eval()

    @torch.no_grad()
    def __call__(self, path: str, generator: torch.Generator) -> Prediction:
        """Mask and reconstruct an image.

        Args:
            path (str): The image.
            generator (torch.Generator): Source of the mask, on the CPU.

        Returns:
            Prediction: ``loss`` of the masked patches, ``size`` (height and
            width in pixels) and ``is_masked`` (rows of 0 and 1), and the
            picture of ``draw_reconstructions``.

        Raises:
            ValueError: If the image cannot be read, or the mask ratio leaves
                no patch visible.
        """
        pixels = read_centre(Path(path), self.size, self.stride)
        images = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        inputs = self.model.data_preprocessor(
            dict(inputs=images, data_samples=None))['inputs']
        is_masked = self.model.draw_mask(inputs, generator)
        pred, _ = self.model.reconstruct(inputs, is_masked)
        result = dict(
            loss=float(self.model.head.loss(pred, inputs, is_masked)),
            size=list(inputs.shape[-2:]),
            is_masked=is_masked[0].int().tolist())
        picture = draw_reconstructions(self.model, inputs, is_masked)
        return Prediction(result, picture)
