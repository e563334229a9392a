"""Class maps beside ground truth, several images in one picture."""
from pathlib import Path
from typing import Any, Union

import cv2
import numpy as np
from torch import nn

from .grid import predict_some, read_enlarged, write_grid

_ALPHA = 0.7  # of the colour over the image


def draw_segmentation_grid(model: nn.Module,
                           dataset: Any,
                           path: Union[str, Path],
                           num_images: int = 8,
                           columns: int = 2,
                           height: int = 240) -> Path:
    """Draw some images, each with ground truth and prediction to its right.

    Needs mmseg. The images are spread evenly over the data set.

    Args:
        model (nn.Module): A segmentor of mmseg.
        dataset (Dataset): A data set of mmseg with a palette, and a test
            pipeline that loads annotations at the images' own size.
        path (str | Path): The PNG file to write, which appears whole.
        num_images (int): How many images. Defaults to 8.
        columns (int): How many triples in a row. Defaults to 2.
        height (int): Height of each image in pixels. Defaults to 240.

    Returns:
        Path: ``path``.
    """
    palette = np.array(dataset.metainfo['palette'], np.uint8)
    triples = []
    for sample in predict_some(model, dataset, num_images):
        image = read_enlarged(sample.img_path, height)
        maps = (sample.gt_sem_seg, sample.pred_sem_seg)
        painted = [_paint(image, x.data[0].numpy(), palette) for x in maps]
        triples.append(np.concatenate([image, *painted], axis=1))
    return write_grid(triples, path, columns)


def _paint(image: np.ndarray, labels: np.ndarray,
           palette: np.ndarray) -> np.ndarray:
    """Lay the classes' colours over an image; ignored pixels stay as is."""
    labels = cv2.resize(
        labels.astype(np.uint8),
        image.shape[1::-1],
        interpolation=cv2.INTER_NEAREST)
    known = labels < len(palette)
    painted = image.copy()
    painted[known] = np.rint(_ALPHA * palette[labels[known]] +
                             (1 - _ALPHA) * image[known])
    return painted
