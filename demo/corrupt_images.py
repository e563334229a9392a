"""Write ImageNet-C's 15 corruptions of a test set of class folders.

    pip install -e ".[robustness]"
    python demo/corrupt_images.py data/shapes/imagenet/val data/shapes-c \\
        --size 96 --grid shapes_c.jpg

makes Shapes-C for tools/test_robustness.py --c, in the layout of ImageNet-C's
archives: data/shapes-c/KIND/CORRUPTION/SEVERITY/CLASS/NAME.JPEG. The same
images give the same files.
"""
import argparse
import sys
import tempfile
from pathlib import Path
from typing import Callable, List, Optional


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='a folder for each class')
    parser.add_argument('target', type=Path, help='must not exist')
    parser.add_argument(
        '--size', type=int, default=224, metavar='PIXELS',
        help='of each side; images are resized whole (default: %(default)s)')
    parser.add_argument('--grid', type=Path, metavar='PICTURE',
                        help='also draw the first image under each')
    return parser.parse_args(argv)


if __name__ == '__main__':
    parse_args()  # for --help and mistakes, before what is slow to import

import numpy as np
from PIL import Image

from mmconvnextv2.cli import run_command
from mmconvnextv2.errors import CommandError
from mmconvnextv2.images import SUFFIXES

KINDS = dict(
    noise=('gaussian_noise', 'shot_noise', 'impulse_noise'),
    blur=('defocus_blur', 'glass_blur', 'motion_blur', 'zoom_blur'),
    weather=('snow', 'frost', 'fog', 'brightness'),
    digital=('contrast', 'elastic_transform', 'pixelate', 'jpeg_compression'))
SEVERITIES = range(1, 6)
_QUALITY = 85  # of JPEG, as ImageNet-C's
# They draw from no generator that np.random.seed reaches.
_OWN_SEED = ('impulse_noise', 'glass_blur')
# Gets an image (H, W, 3), a severity and a name.
Corrupt = Callable[..., np.ndarray]


def corrupted(corrupt: Corrupt, image: np.ndarray, severity: int, name: str,
              seed: int) -> np.ndarray:
    """Corrupt an image (H, W, 3), uint8, RGB, always alike."""
    np.random.seed(seed)
    own = dict(seed=seed) if name in _OWN_SEED else {}
    return corrupt(image, severity, name, **own)


def read(path: Path, size: int) -> np.ndarray:
    """Read an image and resize it whole to a square: (size, size, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert('RGB').resize(
            (size, size), Image.Resampling.BICUBIC))


def find(source: Path) -> List[Path]:
    """Find the images of a folder of class folders.

    Raises:
        CommandError: If there are none.
    """
    paths = sorted(x for x in source.glob('*/*')
                   if x.suffix.lower() in SUFFIXES)
    if not paths:
        raise CommandError(f'{source} must have a folder of images for each '
                           'class, and has none')
    return paths


def write(corrupt: Corrupt, paths: List[Path], target: Path,
          size: int) -> None:
    """Write all corruptions of images; appears whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for i, path in enumerate(paths):
            image = read(path, size)
            for kind, names in KINDS.items():
                for name in names:
                    for severity in SEVERITIES:
                        place = Path(folder, 'new', kind, name, str(severity),
                                     path.parent.name)
                        place.mkdir(parents=True, exist_ok=True)
                        Image.fromarray(corrupted(
                            corrupt, image, severity, name, seed=i)).save(
                                place / f'{path.stem}.JPEG', quality=_QUALITY)
        Path(folder, 'new').rename(target)


def draw_grid(corrupt: Corrupt, image: np.ndarray, target: Path) -> None:
    """Draw an image clean and corrupted, in two columns of corruptions."""
    from matplotlib.figure import Figure
    names = [x for kind in KINDS.values() for x in kind]
    half, width = -(-len(names) // 2), 1 + len(SEVERITIES)
    figure = Figure((12.4, 1.06 * half), layout='constrained')
    for block, part in zip(figure.subfigures(1, 2), (
            names[:half], names[half:])):
        places = block.subplots(half, width)
        for axes in places.flat:
            axes.set(xticks=[], yticks=[], frame_on=False)
        for name, row in zip(part, places):
            row[0].set_ylabel(name.replace('_', '\n'), fontsize=8)
            for severity, axes in enumerate(row):
                axes.imshow(corrupted(corrupt, image, severity, name, seed=0)
                            if severity else image)
        for severity, axes in enumerate(places[0]):
            axes.set_title(f'severity {severity}' if severity else 'clean',
                           fontsize=8)
    figure.savefig(target, dpi=80)


def corrupt_images(args: argparse.Namespace) -> None:
    """Check the request, then write.

    Raises:
        CommandError: If it cannot be met.
    """
    for path in (args.target, args.grid):
        if path and path.exists():
            raise CommandError(f'{path} exists')
    paths = find(args.source)
    try:
        from imagecorruptions import corrupt
    except ImportError as error:
        raise CommandError(
            f'{error}: pip install -e ".[robustness]"') from None
    if args.grid:
        draw_grid(corrupt, read(paths[0], args.size), args.grid)
    write(corrupt, paths, args.target, args.size)


def main(argv: Optional[List[str]] = None) -> int:
    """Run; returns the exit code."""
    return run_command(corrupt_images, parse_args(argv))


if __name__ == '__main__':
    sys.exit(main())
