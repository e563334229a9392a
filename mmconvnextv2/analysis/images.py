"""Images of a folder, as a stream of batches."""
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Optional, Union

import mmcv
import numpy as np
import torch
from mmengine.utils import scandir
from torch import Tensor

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.tif', '.tiff')


class Images(NamedTuple):
    """Files of images and, if they lie in folders of classes, these.

    Attributes:
        paths (list[Path]): Of the images.
        labels (list[int]): The class of each.
        classes (list[str]): Names of the classes, sorted: the folders right
            below the given one; '' for images that lie in none.
    """

    paths: List[Path]
    labels: List[int]
    classes: List[str]


class Batch(NamedTuple):
    """Preprocessed images (N, C, H, W) and labels (N, ), of type int64."""

    inputs: Tensor
    labels: Tensor


def find_images(folder: Union[str, Path],
                max_images: Optional[int] = None) -> Images:
    """List the images in a folder and the folders in it.

    Args:
        folder (str | Path): The folder, or a single image.
        max_images (int, optional): How many to take at most, spread evenly
            over all in the order of their names. Defaults to None, all.

    Raises:
        FileNotFoundError: If there is no image.
        ValueError: If ``max_images`` is not positive.
    """
    folder = Path(folder)
    if max_images is not None and max_images < 1:
        raise ValueError(f'max_images must be positive, got {max_images}')
    if folder.is_file():
        return Images([folder], [0], [''])
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no folder or image {str(folder)!r}')
    found = sorted(
        scandir(folder, SUFFIXES, recursive=True, case_sensitive=False))
    if not found:
        raise FileNotFoundError(f'there is no image in {str(folder)!r} (files '
                                f"that end with {', '.join(SUFFIXES)})")
    count = min(max_images or len(found), len(found))
    spread = np.linspace(0, len(found) - 1, count, dtype=int)
    paths = [Path(found[i]) for i in spread]
    of_paths = [x.parts[0] if len(x.parts) > 1 else '' for x in paths]
    classes = sorted(set(of_paths))
    return Images([folder / x for x in paths],
                  [classes.index(x) for x in of_paths], classes)


def read_image(path: Path, size: int) -> np.ndarray:
    """Read an image; resize its shorter side, then cut out the middle.

    Args:
        path (Path): The file.
        size (int): Pixels, of each side.

    Returns:
        ndarray: (size, size, 3), uint8, BGR.

    Raises:
        ValueError: If it cannot be read.
    """
    image = mmcv.imread(str(path))
    if image is None:
        raise ValueError(f'{path} cannot be read as an image')
    sides = [
        max(size, round(side * size / min(image.shape[:2])))
        for side in image.shape[1::-1]
    ]
    image = mmcv.imresize(image, tuple(sides), interpolation='bicubic')
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top:top + size, left:left + size]


def batches(images: Images, preprocess: Callable[[Tensor], Tensor], size: int,
            batch_size: int) -> Iterator[Batch]:
    """Read images, a batch in memory at a time.

    Args:
        images (Images): Which to read.
        preprocess (callable): Takes (N, 3, size, size), uint8, BGR, and
            returns what the network reads.
        size (int): Pixels, of each side of the square images.
        batch_size (int): Images of a batch.

    Yields:
        Batch: The next images, in their order.
    """
    for start in range(0, len(images.paths), batch_size):
        chosen = slice(start, start + batch_size)
        read = np.stack([read_image(x, size) for x in images.paths[chosen]])
        inputs = torch.from_numpy(read).permute(0, 3, 1, 2)
        yield Batch(
            preprocess(inputs),
            torch.tensor(images.labels[chosen]).long())
