"""What pictures of several images of a data set share."""
from pathlib import Path
from typing import Any, List, Union

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from mmconvnextv2.files import written_whole

_MARGIN = 8  # pixels


@torch.no_grad()
def predict_some(model: nn.Module, dataset: Any,
                 num_images: int) -> List[Any]:
    """Predict images that are spread evenly over a data set.

    Args:
        model (nn.Module): A model of mmdet, mmseg or mmpretrain. It is in
            evaluation mode meanwhile.
        dataset (Dataset): A data set of the same package.
        num_images (int): How many images.

    Returns:
        list: A data sample each, on the CPU, with truth and prediction.
    """
    was_training = model.training
    model.eval()
    indices = np.linspace(
        0, len(dataset) - 1, min(num_images, len(dataset)), dtype=int)
    samples = [
        model.test_step(pseudo_collate([dataset[int(i)]]))[0].cpu()
        for i in indices
    ]
    model.train(was_training)
    return samples


def read_enlarged(path: str, height: int) -> np.ndarray:
    """Read an image at the height shown, as (height, W, 3) in RGB.

    Drawn on at that size, outlines and labels stay sharp.
    """
    image = cv2.imread(path)[..., ::-1]
    width = round(image.shape[1] * height / image.shape[0])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)


def write_grid(pictures: List[np.ndarray], path: Union[str, Path],
               columns: int) -> Path:
    """Write pictures side by side and in rows, on white.

    Args:
        pictures (list[ndarray]): (height, W, 3) each, RGB, of one height.
        path (str | Path): The PNG file to write, which appears whole.
        columns (int): How many in a row.

    Returns:
        Path: ``path``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        cv2.imwrite(str(part), _tile(pictures, columns)[..., ::-1])
    return path


def _tile(pictures: List[np.ndarray], columns: int) -> np.ndarray:
    width = max(picture.shape[1] for picture in pictures)
    cell = (pictures[0].shape[0] + _MARGIN, width + _MARGIN)
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * cell[0], columns * cell[1], 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = index // columns * cell[0], index % columns * cell[1]
        canvas[top:top + picture.shape[0],
               left:left + picture.shape[1]] = picture
    return canvas
