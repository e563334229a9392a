"""Boxes and masks beside ground truth, several images in one picture."""
from pathlib import Path
from typing import Any, Tuple, Union

import cv2
import numpy as np
from mmengine.structures import InstanceData
from torch import nn

from .grid import predict_some, read_enlarged, write_grid


def draw_detection_grid(model: nn.Module,
                        dataset: Any,
                        path: Union[str, Path],
                        num_images: int = 8,
                        columns: int = 2,
                        height: int = 320,
                        score_thr: float = 0.5) -> Path:
    """Draw ground truth (left) and prediction (right) of some images.

    Needs mmdet. The images are spread evenly over the data set.

    Args:
        model (nn.Module): A detector of mmdet.
        dataset (Dataset): A data set of mmdet with a test pipeline that loads
            annotations.
        path (str | Path): The PNG file to write, which appears whole.
        num_images (int): How many images. Defaults to 8.
        columns (int): How many pairs in a row. Defaults to 2.
        height (int): Height of each image in pixels. Defaults to 320.
        score_thr (float): Lowest score of a prediction that is drawn.
            Defaults to 0.5.

    Returns:
        Path: ``path``.
    """
    from mmdet.visualization import DetLocalVisualizer
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    pairs = [
        _draw_pair(visualizer, sample, height, score_thr)
        for sample in predict_some(model, dataset, num_images)
    ]
    return write_grid(pairs, path, columns)


def _draw_pair(visualizer: Any, sample: Any, height: int,
               score_thr: float) -> np.ndarray:
    image = read_enlarged(sample.img_path, height)
    truth = sample.gt_instances.masks.to_ndarray()
    scale = height / truth.shape[1]
    size = image.shape[1::-1]
    predicted = sample.pred_instances
    keep = predicted.scores >= score_thr
    sample.pred_instances = _enlarge(
        predicted[keep], predicted.masks[keep].numpy(), scale, size)
    sample.gt_instances = _enlarge(sample.gt_instances, truth, scale, size)
    visualizer.add_datasample('pair', image, sample, pred_score_thr=score_thr)
    return visualizer.get_image()


def _enlarge(instances: InstanceData, masks: np.ndarray, scale: float,
             size: Tuple[int, int]) -> InstanceData:
    boxes = instances.bboxes
    boxes = boxes.tensor if hasattr(boxes, 'tensor') else boxes
    enlarged = InstanceData(
        bboxes=boxes * scale,
        labels=instances.labels,
        masks=np.array([
            cv2.resize(mask.astype(np.uint8), size) for mask in masks
        ]).reshape(-1, size[1], size[0]).astype(bool))
    if 'scores' in instances:
        enlarged.scores = instances.scores
    return enlarged
