"""Predictions beside ground truth, several images in one picture."""
from pathlib import Path
from typing import Any, Iterator, Tuple

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch import nn

from mmconvnextv2.images import tile, write_image
from mmconvnextv2.visualization.predictions import (
    add_legend,
    add_title,
    class_colours,
    draw_instances,
    draw_label_map,
)

_MARGIN = 8  # pixels


def draw_classification_grid(model: nn.Module, dataset: Any, path: Path,
                             num_images: int = 12, columns: int = 4,
                             height: int = 240) -> None:
    """Draw some images with their true and predicted classes.

    Args:
        model (nn.Module): A classifier of mmpretrain.
        dataset (Dataset): A data set of mmpretrain.
        path (Path): The PNG file to write.
        num_images (int): Number of images, spread evenly over the data set.
            Defaults to 12.
        columns (int): Images in a row. Defaults to 4.
        height (int): Height of each image, in pixels. Defaults to 240.
    """
    from mmpretrain.visualization import UniversalVisualizer
    visualizer = UniversalVisualizer()
    pictures = [
        visualizer.visualize_cls(
            image, sample, classes=dataset.metainfo['classes'])
        for sample, image in _predict_some(model, dataset, num_images, height)
    ]
    write_image(path, tile(pictures, columns, _MARGIN, fill=255))


def draw_detection_grid(model: nn.Module, dataset: Any, path: Path,
                        num_images: int = 8, columns: int = 2,
                        height: int = 320, score_thr: float = 0.5) -> None:
    """Draw boxes and masks of some images: truth left, prediction right.

    Args:
        model (nn.Module): A detector of mmdet.
        dataset (Dataset): A data set of mmdet with a test pipeline that loads
            annotations.
        path, num_images, columns, height: See ``draw_classification_grid``.
        score_thr (float): Lowest score of a prediction that is drawn.
            Defaults to 0.5.
    """
    from mmdet.structures.mask import BitmapMasks
    names = dataset.metainfo['classes']
    colours = class_colours(len(names), dataset.metainfo.get('palette'))
    pictures, seen = [], []
    for sample, image in _predict_some(model, dataset, num_images, height):
        truth, found = sample.gt_instances, sample.pred_instances
        found = found[found.scores >= score_thr]
        found.masks = BitmapMasks(found.masks.numpy().astype(np.uint8),
                                  *found.masks.shape[1:])
        for title, drawn in (('truth', truth), ('prediction', found)):
            boxes, masks = _enlarge(drawn, image.shape[:2])
            labels = drawn.labels.tolist()
            pictures.append(add_title(draw_instances(
                image, labels, boxes, colours, names, masks,
                drawn.get('scores')), title))
            seen += labels
    grid = tile(pictures, 2 * columns, _MARGIN, fill=255)
    write_image(path, add_legend(grid, seen, colours, names))


def draw_segmentation_grid(model: nn.Module, dataset: Any, path: Path,
                           num_images: int = 8, columns: int = 2,
                           height: int = 240) -> None:
    """Draw some images, each with true and predicted classes to its right.

    Args:
        model (nn.Module): A segmentor of mmseg.
        dataset (Dataset): A data set of mmseg with a palette, and a test
            pipeline that loads annotations at the original size.
        path, num_images, columns, height: See ``draw_classification_grid``.
    """
    names = dataset.metainfo['classes']
    colours = class_colours(len(names), dataset.metainfo['palette'])
    pictures, seen = [], []
    for sample, image in _predict_some(model, dataset, num_images, height):
        pictures.append(add_title(image, 'image'))
        for title, x in (('truth', sample.gt_sem_seg),
                         ('prediction', sample.pred_sem_seg)):
            labels = x.data[0].numpy()
            seen += np.unique(labels).tolist()
            labels = cv2.resize(labels.astype(np.uint8), image.shape[1::-1],
                                interpolation=cv2.INTER_NEAREST)
            pictures.append(
                add_title(draw_label_map(image, labels, colours), title))
    grid = tile(pictures, 3 * columns, _MARGIN, fill=255)
    write_image(path, add_legend(grid, seen, colours, names))


@torch.no_grad()
def _predict_some(model: nn.Module, dataset: Any, num_images: int,
                  height: int) -> Iterator[Tuple[Any, np.ndarray]]:
    """Predict images that are spread evenly over a data set.

    Yields:
        tuple: A data sample on the CPU with truth and prediction, and the
        image (height, W, 3), RGB. What is drawn at that size stays sharp.
    """
    was_training = model.training
    model.eval()
    indices = np.linspace(
        0, len(dataset) - 1, min(num_images, len(dataset)), dtype=int)
    try:
        for i in indices:
            data = pseudo_collate([dataset[int(i)]])
            sample = model.test_step(data)[0].cpu()
            image = cv2.imread(sample.img_path)[..., ::-1]
            width = round(image.shape[1] * height / image.shape[0])
            yield sample, cv2.resize(
                image, (width, height), interpolation=cv2.INTER_CUBIC)
    finally:
        model.train(was_training)


def _enlarge(instances: InstanceData,
             size: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Scale boxes and masks to an image of a size (height, width)."""
    boxes, masks = instances.bboxes, instances.masks
    boxes = getattr(boxes, 'tensor', boxes) * (size[0] / masks.height)
    return boxes.numpy(), masks.resize(size, 'bilinear').to_ndarray() > 0
