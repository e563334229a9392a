"""Mask R-CNN whose numbers are float64, and which finds what is there."""
from typing import Any, List

import torch
from mmcv.ops.nms import ext_module
from mmdet.models import MaskRCNN
from mmdet.structures import DetDataSample
from mmengine.registry import MODELS
from mmengine.structures import InstanceData
from torch import Tensor

_nms = ext_module.nms


def _nms_in_float32(boxes: Tensor, scores: Tensor, **options: Any) -> Tensor:
    """The indices that NMS keeps; its kernel for the CPU has float32 only."""
    return _nms(boxes.float(), scores.float(), **options)


ext_module.nms = _nms_in_float32


@MODELS.register_module(force=True)
class SeeingMaskRCNN(MaskRCNN):
    """Learns as Mask R-CNN; finds the true objects, not quite exactly.

    A mean average precision that shows whether an image was left out or
    counted twice takes a detector that has learnt.
    """

    def predict(self,
                batch_inputs: Tensor,
                batch_data_samples: List[DetDataSample],
                rescale: bool = True) -> List[DetDataSample]:
        """Move the true boxes; scores and shifts depend on the image."""
        for sample in batch_data_samples:
            noise = torch.Generator().manual_seed(sample.img_id)
            truth = sample.gt_instances
            shift = torch.rand(len(truth), 4, generator=noise) * 8 - 4
            labels = truth.labels.clone()
            labels[:1] += 1  # One of an image has a wrong name.
            # Of the image as it was before it was resized.
            masks = truth.masks.to_tensor(torch.bool, 'cpu')
            sample.pred_instances = InstanceData(
                bboxes=truth.bboxes + shift,
                labels=labels % 5,
                scores=torch.rand(len(truth), generator=noise),
                masks=masks.roll(3, 2))
        return batch_data_samples
