"""Images: list, check, read, tile and write them."""
from pathlib import Path
from typing import List, Optional, Sequence, Union

import cv2
import mmcv
import numpy as np
from mmengine.utils import scandir
from PIL import Image, UnidentifiedImageError

from .files import written_whole

# Of what counts as an image, in every tool.
SUFFIXES = ('.jpg', '.jpeg', '.jfif', '.png', '.bmp', '.ppm', '.pgm', '.tif',
            '.tiff', '.webp')


def list_images(path: Path, recursive: bool = False) -> List[Path]:
    """List the images of a folder, sorted by name.

    Args:
        path (Path): The folder, or a single image.
        recursive (bool): Whether to search subfolders. Defaults to False.

    Raises:
        FileNotFoundError: If there is no image.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(
            f'there is no image and no folder called {str(path)!r}')
    found = scandir(path, SUFFIXES, recursive, case_sensitive=False)
    images = sorted(path / name for name in found)
    if not images:
        raise FileNotFoundError(f'there is no image in the folder '
                                f'{str(path)!r} ({", ".join(SUFFIXES)})')
    return images


def check_image(path: Path) -> None:
    """Decode an image completely.

    OpenCV, which mmcv reads images with, silently fills what is missing of a
    truncated JPEG with grey.

    Raises:
        ValueError: If the image cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
    except UnidentifiedImageError as error:
        raise ValueError('it is not an image, or of an unknown kind'
                         ) from error
    # Pillow raises SyntaxError for a damaged PNG.
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f'it cannot be read as an image: {error}') from error


def read_centre(path: Path, size: int,
                multiple: Optional[int] = None) -> np.ndarray:
    """Read an image, resize it and crop it at the centre.

    Args:
        path (Path): The image.
        size (int): Length to which the shorter side is resized, in pixels.
        multiple (int, optional): Crop both sides to multiples of this number
            of pixels. Defaults to None, a square crop.

    Returns:
        ndarray: (H, W, 3), uint8, BGR.

    Raises:
        ValueError: If the image cannot be read.
    """
    try:
        check_image(path)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    image = mmcv.imread(str(path))
    scale = size / min(image.shape[:2])
    image = mmcv.imrescale(image, scale, interpolation='bicubic')
    height, width = ((size, size) if multiple is None else
                     (x // multiple * multiple for x in image.shape[:2]))
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top:top + height, left:left + width]


def tile(pictures: Sequence[np.ndarray], columns: int, gap: int,
         fill: float) -> np.ndarray:
    """Lay pictures side by side and in rows.

    Args:
        pictures (Sequence[ndarray]): (H, W) or (H, W, 3) each, of one height.
        columns (int): Pictures in a row.
        gap (int): Pixels to the right of each picture and below.
        fill (float): Value of the gaps and where there is no picture.

    Returns:
        ndarray: (rows * (H + gap), columns * (W + gap)) or with 3 channels.
    """
    height = pictures[0].shape[0] + gap
    width = max(x.shape[1] for x in pictures) + gap
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * height, columns * width, *pictures[0].shape[2:]),
                     fill, pictures[0].dtype)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        canvas[top:top + picture.shape[0],
               left:left + picture.shape[1]] = picture
    return canvas


def write_image(path: Union[str, Path], pixels: np.ndarray) -> None:
    """Write an image completely or not at all; make its folder.

    Args:
        path (str | Path): The file; its suffix sets the format.
        pixels (ndarray): (H, W, 3), RGB, uint8; or (H, W), uint8 or uint16.

    Raises:
        OSError: If the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    with written_whole(path) as part:
        if not cv2.imwrite(str(part), pixels):
            raise OSError(f'{path} cannot be written')
