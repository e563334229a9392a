"""Images of a folder as a stream of batches."""
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Optional, Union

import numpy as np
import torch
from torch import Tensor

from mmconvnextv2.images import list_images, read_centre


class Images(NamedTuple):
    """Image files, labelled by the folders of classes that they lie in.

    The classes are the folders right below the given one, sorted by name; ''
    for files that lie in none.
    """

    paths: List[Path]
    labels: List[int]  # class of each file
    classes: List[str]


class Batch(NamedTuple):
    """Preprocessed images (N, C, H, W) and labels (N, ), int64."""

    inputs: Tensor
    labels: Tensor


def find_images(folder: Union[str, Path],
                max_images: Optional[int] = None) -> Images:
    """List the images in a folder and its subfolders.

    Args:
        folder (str | Path): The folder, or a single image.
        max_images (int, optional): Largest number of images, spread evenly
            over all in the order of their names. Defaults to None, all.

    Raises:
        FileNotFoundError: If there is no image.
        ValueError: If ``max_images`` is not positive.
    """
    folder = Path(folder)
    if max_images is not None and max_images < 1:
        raise ValueError(f'max_images must be positive, got {max_images}')
    found = list_images(folder, recursive=True)
    count = min(max_images or len(found), len(found))
    spread = np.linspace(0, len(found) - 1, count, dtype=int)
    paths = [found[i] for i in spread]
    below = [path.relative_to(folder).parts for path in paths]
    names = [parts[0] if len(parts) > 1 else '' for parts in below]
    classes = sorted(set(names))
    return Images(paths, [classes.index(x) for x in names], classes)


def batches(images: Images, preprocess: Callable[[Tensor], Tensor], size: int,
            batch_size: int) -> Iterator[Batch]:
    """Read images, one batch at a time.

    Args:
        images (Images): Images to read.
        preprocess (callable): Takes (N, 3, size, size), uint8, BGR, and
            returns the input of the network.
        size (int): Side of the square images, in pixels.
        batch_size (int): Images of a batch.

    Yields:
        Batch: The next images, in order.
    """
    for start in range(0, len(images.paths), batch_size):
        chosen = slice(start, start + batch_size)
        read = np.stack([read_centre(x, size) for x in images.paths[chosen]])
        inputs = torch.from_numpy(read).permute(0, 3, 1, 2)
        labels = torch.tensor(images.labels[chosen], dtype=torch.long)
        yield Batch(preprocess(inputs), labels)
