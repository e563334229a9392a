"""Predictions beside ground truth, several images in one picture."""
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch import nn

from mmconvnextv2.images import tile, write_image

_MARGIN = 8  # pixels
_ALPHA = 0.7  # of the colour of a class over the image


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
    _write_grid(pictures, path, columns)


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
    from mmdet.visualization import DetLocalVisualizer
    visualizer = DetLocalVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    pairs = []
    for sample, image in _predict_some(model, dataset, num_images, height):
        truth, found = sample.gt_instances, sample.pred_instances
        found = found[found.scores >= score_thr]
        found.masks = BitmapMasks(found.masks.numpy().astype(np.uint8),
                                  *found.masks.shape[1:])
        sample.gt_instances = _enlarge(truth, image.shape[:2])
        sample.pred_instances = _enlarge(found, image.shape[:2])
        visualizer.add_datasample(
            'pair', image, sample, pred_score_thr=score_thr)
        pairs.append(visualizer.get_image())
    _write_grid(pairs, path, columns)


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
    palette = np.array(dataset.metainfo['palette'], np.uint8)
    triples = []
    for sample, image in _predict_some(model, dataset, num_images, height):
        maps = (sample.gt_sem_seg, sample.pred_sem_seg)
        painted = [_paint(image, x.data[0].numpy(), palette) for x in maps]
        triples.append(np.concatenate([image, *painted], axis=1))
    _write_grid(triples, path, columns)


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


def _enlarge(instances: InstanceData, size: Tuple[int, int]) -> InstanceData:
    """Scale boxes and masks to an image of a size (height, width)."""
    boxes, masks = instances.bboxes, instances.masks
    boxes = getattr(boxes, 'tensor', boxes) * (size[0] / masks.height)
    masks = masks.resize(size, 'bilinear').to_ndarray().astype(bool)
    enlarged = InstanceData(bboxes=boxes, labels=instances.labels, masks=masks)
    if 'scores' in instances:
        enlarged.scores = instances.scores
    return enlarged


def _paint(image: np.ndarray, labels: np.ndarray,
           palette: np.ndarray) -> np.ndarray:
    """Lay the colours of classes over an image; skip ignored pixels."""
    labels = cv2.resize(
        labels.astype(np.uint8),
        image.shape[1::-1],
        interpolation=cv2.INTER_NEAREST)
    known = labels < len(palette)
    painted = image.copy()
    painted[known] = np.rint(_ALPHA * palette[labels[known]] +
                             (1 - _ALPHA) * image[known])
    return painted


def _write_grid(pictures: List[np.ndarray], path: Path, columns: int) -> None:
    write_image(path, tile(pictures, columns, _MARGIN, fill=255))
