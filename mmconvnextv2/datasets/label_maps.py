"""Say whether the label map of an image can be trained on."""
from typing import Optional, Tuple

import numpy as np

IGNORED = 255  # label of pixels that do not count


def reduce_labels(labels: np.ndarray) -> np.ndarray:
    """Count labels from 0 instead of 1, and ignore 0, as mmseg does.

    Args:
        labels (np.ndarray): Labels as in the file, of any integer type.

    Returns:
        np.ndarray: Labels of the same shape, int64.
    """
    labels = labels.astype(np.int64)
    return np.where((labels == 0) | (labels == IGNORED), IGNORED, labels - 1)


def fault_of_labels(labels: np.ndarray,
                    size: Tuple[int, int],
                    num_classes: Optional[int],
                    reduced: bool = False) -> Optional[str]:
    """Say what is wrong with a label map, in terms of its file.

    Args:
        labels (np.ndarray): Labels from 0, of shape (H, W) if all is well.
        size (tuple[int]): Height and width of the image in pixels.
        num_classes (int, optional): Number of classes; None leaves labels
            unchecked.
        reduced (bool): Whether the labels in the file begin with 1
            (``reduce_zero_label``). Defaults to False.

    Returns:
        str, optional: The fault; None if there is none.
    """
    if labels.ndim != 2:
        return ('a label map has one number per pixel, this one has '
                f'{labels.shape[-1]} (is it a picture in colours?)')
    if labels.shape != tuple(size):
        return (f'the label map has {labels.shape[1]}x{labels.shape[0]} '
                f'pixels, its image {size[1]}x{size[0]}')
    if num_classes is None:
        return None
    largest = int(np.max(labels, where=labels != IGNORED, initial=0))
    if largest < num_classes:
        return None
    first = int(reduced)
    ignored = f'0 and {IGNORED} are' if reduced else f'{IGNORED} is'
    return (f'it holds the label {largest + first}, while the {num_classes} '
            f'classes have the labels {first} to {num_classes - 1 + first} '
            f'and {ignored} ignored (reduce_zero_label={reduced})')
