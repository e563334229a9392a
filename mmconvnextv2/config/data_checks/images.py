"""Open a sample of images: their sizes, and what reading them drops."""
import os.path as osp
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
from PIL import Image, TiffImagePlugin

from mmconvnextv2.config.preflight import steps_of
from mmconvnextv2.errors import Note
from mmconvnextv2.text import first_of

# What Pillow raises for damaged files: see DamagedDataHook.
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_SAMPLE = 64  # images whose headers are read
_ORIENTATION = 0x0112  # of Exif; from 5 on, sides are swapped
_BITS, _COLOURS, _CHANNELS, _CMYK = 258, 262, 277, 5  # of TIFF
_AS_STORED = "color_type='color_ignore_orientation' of LoadImageFromFile"
_STORED = f' as Exif turns it (as stored, with {_AS_STORED}, it would fit)'


def is_turned(cfg: Mapping, split: str) -> bool:
    """Say if a run reads the images of a split as Exif turns them."""
    return all(x.get('color_type', 'color') in ('color', 'grayscale')
               for x in steps_of(cfg, split, 'LoadImageFromFile'))


def size_of(path: str, turned: bool) -> tuple[tuple[int, int], bool]:
    """Read (width, height) from a header, and if Exif keeps it in turning.
    """
    with Image.open(path) as file:
        turn = file.getexif().get(_ORIENTATION, 1) if turned else 1
        size = file.size[::-1] if turn >= 5 else file.size
        return size, turn != 1 and size == file.size


def turned_images(names: Sequence[str], number: int,
                  what: str) -> Iterator[str]:
    """Name images that ``size_of`` finds to be turned."""
    if names:
        yield Note(f'{len(names)} of {number} images that were opened are '
                   f'mirrored or turned by Exif, which keeps their size: '
                   f'{first_of(names)}. They are read as Exif says. If {what} '
                   f'for the pixels as stored: {_AS_STORED}')


def check_sizes(folder: str, images: Sequence[Mapping], turned: bool,
                training: bool) -> Iterator[str]:
    """Compare the sizes of a sample of images with those in a COCO file."""
    differ, kept = [], []
    sample = images[::max(1, len(images) // _SAMPLE)]
    for image in sample:
        path = osp.join(folder, image['file_name'])
        stated = image['width'], image['height']
        try:
            size, is_kept = size_of(path, turned)
            stored, _ = size_of(path, False)
        except DAMAGED:
            continue
        if size != stated:
            differ.append(
                f'{image["file_name"]} has {size[0]}x{size[1]} pixels'
                f'{_STORED if stored == stated else ""}, the file says '
                f'{stated[0]}x{stated[1]}')
        elif is_kept:
            kept.append(image['file_name'])
    if differ:
        yield Note.unless(
            not training or len(differ) == len(sample),
            f'{len(differ)} of {len(sample)} images that were opened have '
            f'another size: {first_of(differ, 2)}. Training leaves such '
            'images out, an evaluation would not be of them')
    yield from turned_images(kept, len(sample), 'the annotations are')


def dropped(paths: Sequence[str], cfg: Mapping, split: str) -> Iterator[str]:
    """Compare images with what ``LoadImageFromFile`` reads of them."""
    steps = steps_of(cfg, split, 'LoadImageFromFile')
    paths = paths[::max(1, 2 * len(paths) // _SAMPLE)] if steps else []
    found: dict[str, list[Any]] = defaultdict(list)
    for path in paths:
        try:
            for what, values in _lost(path, steps[0]):
                found[what].append((path, values))
        except DAMAGED:
            continue
    for what, lost in found.items():
        low, high, read_low, read_high = np.array([x for _, x in lost]).T
        color = steps[0].get('color_type', 'color')
        yield (f'{len(lost)} of {len(paths)} images looked at, such as '
               f'{lost[0][0]}, have {what}: values of {low.min():g} to '
               f'{high.max():g} are read as {read_low.min():g} to '
               f'{read_high.max():g} by color_type={color!r}. What reads '
               'them: docs/your_data.md of mmconvnextv2, "More than 8 bits or '
               '3 channels".')


def _lost(path: str, step: Mapping) -> Iterator[tuple[str, list[float]]]:
    bits, channels = _bits_and_channels(path)
    if bits <= 8 and channels in (1, 3):
        return
    read = mmcv.imread(path, step.get('color_type', 'color'),
                       backend=step.get('imdecode_backend', 'cv2'))
    whole = mmcv.imread(path, 'unchanged', backend='cv2')
    if read is None or whole is None:
        return  # OpenCV reads nothing of it: see DamagedDataHook.
    ranges = [whole.min(), whole.max(), read.min(), read.max()]
    if bits > 8 * read.itemsize:
        yield f'{bits} bits a value', ranges
    has_one_alpha = whole.ndim == 3 and np.ptp(whole[..., -1]) == 0
    if channels not in (1, np.atleast_3d(read).shape[2]) and not has_one_alpha:
        yield f'{channels} channels, not all of which are read', ranges


def _bits_and_channels(path: str) -> tuple[int, int]:
    """Read a header; CMYK counts as 3 channels, a palette as 1."""
    with open(path, 'rb') as file:
        start = file.read(8)
        if start[:4] in (b'II*\0', b'MM\0*'):  # Pillow lacks some kinds.
            tags = TiffImagePlugin.ImageFileDirectory_v2(start)
            file.seek(tags.next)
            tags.load(file)
            bits = tags.get(_BITS, 1)
            return (max(bits) if isinstance(bits, tuple) else bits,
                    3 if tags.get(_COLOURS) == _CMYK else tags.get(
                        _CHANNELS, 1))
    with Image.open(path) as image:
        is_deep = ';16' in str(image.tile) or image.mode[0] in 'IF'
        return (16 if is_deep else 8,
                3 if image.mode == 'CMYK' else len(image.getbands()))
