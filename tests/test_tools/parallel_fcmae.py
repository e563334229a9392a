"""FCMAE with given masks, which do not depend on how a batch is shared."""
from pathlib import Path
from typing import Dict, List, Optional

import torch
from mmengine.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmconvnextv2.models.selfsup import FCMAE


@MODELS.register_module(force=True)
class FCMAEWithGivenMasks(FCMAE):
    """The mask of an image depends on its number in the data set alone."""

    def loss(self,
             inputs: Tensor,
             data_samples: Optional[List[DataSample]] = None,
             is_masked: Optional[Tensor] = None) -> Dict[str, Tensor]:
        """Give the masks."""
        numbers = [int(Path(x.img_path).stem) for x in data_samples]
        is_masked = torch.cat([
            self.draw_mask(image[None],
                           torch.Generator().manual_seed(number))
            for image, number in zip(inputs, numbers)
        ])
        return super().loss(inputs, data_samples, is_masked)
