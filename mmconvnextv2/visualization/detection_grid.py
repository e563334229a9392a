"""Predictions beside ground truth, several images in one picture."""
import os
from pathlib import Path
from typing import Any, List, Union

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch import nn

_MARGIN = 8  # pixels


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
    was_training = model.training
    model.eval()
    indices = np.linspace(
        0, len(dataset) - 1, min(num_images, len(dataset)), dtype=int)
    pairs = [
        _draw_pair(visualizer, model, dataset[int(i)], height, score_thr)
        for i in indices
    ]
    model.train(was_training)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f'.{path.name}.partial.png')
    cv2.imwrite(str(staging), _tile(pairs, columns)[..., ::-1])
    os.replace(staging, path)
    return path


@torch.no_grad()
def _draw_pair(visualizer: Any, model: nn.Module, data: dict, height: int,
               score_thr: float) -> np.ndarray:
    sample = model.test_step(pseudo_collate([data]))[0].cpu()
    image = cv2.imread(sample.img_path)[..., ::-1]
    # Drawn at the size shown, so that outlines and labels stay sharp.
    scale = height / image.shape[0]
    size = (round(image.shape[1] * scale), height)
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    predicted = sample.pred_instances
    keep = predicted.scores >= score_thr
    sample.pred_instances = _enlarge(
        predicted[keep], predicted.masks[keep].numpy(), scale, size)
    sample.gt_instances = _enlarge(sample.gt_instances,
                                   sample.gt_instances.masks.to_ndarray(),
                                   scale, size)
    visualizer.add_datasample('pair', image, sample, pred_score_thr=score_thr)
    return visualizer.get_image()


def _enlarge(instances: InstanceData, masks: np.ndarray, scale: float,
             size: tuple) -> InstanceData:
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


def _tile(images: List[np.ndarray], columns: int) -> np.ndarray:
    """Lay images of one height out in rows, on white."""
    width = max(image.shape[1] for image in images)
    cell = (images[0].shape[0] + _MARGIN, width + _MARGIN)
    rows = -(-len(images) // columns)
    canvas = np.full((rows * cell[0], columns * cell[1], 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * cell[0], index % columns * cell[1]
        canvas[top:top + image.shape[0], left:left + image.shape[1]] = image
    return canvas
