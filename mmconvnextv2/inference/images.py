"""Find images, and tell damaged ones before a model sees them."""
from pathlib import Path
from typing import Dict, List, Sequence

from PIL import Image, UnidentifiedImageError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.tif', '.tiff', '.webp')


def find_images(path: Path) -> List[Path]:
    """The image, or the images of a folder (not of its subfolders), sorted.

    Raises:
        FileNotFoundError: If there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(
            f'there is no image and no folder called {str(path)!r}')
    found = [
        x for x in path.iterdir()
        if x.is_file() and x.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise FileNotFoundError(f'there is no image in the folder '
                                f'{str(path)!r} ({", ".join(SUFFIXES)})')
    return sorted(found)


def check_image(path: Path) -> None:
    """Decode an image whole.

    OpenCV, which mmcv reads by, fills what a cut off JPEG lacks with grey and
    says nothing.

    Raises:
        ValueError: If it cannot be read.
    """
    try:
        with Image.open(path) as image:
            image.load()
    except UnidentifiedImageError as error:
        raise ValueError('it is not an image, or of an unknown kind'
                         ) from error
    # SyntaxError is Pillow's for a damaged PNG.
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f'it cannot be read as an image: {error}') from error


def distinct_names(paths: Sequence[Path]) -> Dict[Path, str]:
    """Names for what is written about files: without suffix if that will do.

    Args:
        paths (Sequence[Path]): Files of one folder.
    """
    stems = [path.stem.lower() for path in paths]
    return {
        path: path.stem if stems.count(stem) == 1 else path.name
        for path, stem in zip(paths, stems)
    }
