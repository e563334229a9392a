"""Check that the images of a COCO file are there, and a sample's sizes."""
import os
import os.path as osp
from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from mmconvnextv2.text import first_of

_SAMPLE = 64  # images whose headers are read
_ORIENTATION = 0x0112  # of Exif; from 5 on, sides are swapped
_AS_STORED = "color_type='color_ignore_orientation' of LoadImageFromFile"
_STORED = f' as Exif turns it (as stored, with {_AS_STORED}, it would fit)'


def missing_files(folder: str, files: Sequence[str]) -> list[str]:
    """List files that are not in a folder; reads each folder once."""
    listed: dict[str, set[str]] = {}
    missing = []
    for file in files:
        inner, _, name = file.rpartition('/')
        if inner not in listed:
            try:
                with os.scandir(osp.join(folder, inner)) as entries:
                    listed[inner] = {
                        x.name for x in entries if not x.is_symlink()}
            except OSError:
                listed[inner] = set()
        # Links, and other writings of a name where case does not matter.
        if name not in listed[inner] and not osp.exists(
                osp.join(folder, file)):
            missing.append(file)
    return missing


def check_sizes(folder: str, images: Sequence[Mapping],
                is_upright: bool) -> Iterator[tuple[float, str]]:
    """Compare the sizes of a sample of images with those in the file.

    Yields the share of the sample that is of another size, or 0 for a remark;
    and what is the matter. Upright are images that the run turns by Exif.
    """
    differ, turned = [], []
    sample = images[::max(1, len(images) // _SAMPLE)]
    for image in sample:
        try:
            with Image.open(osp.join(folder, image['file_name'])) as file:
                size, turn = file.size, file.getexif().get(_ORIENTATION, 1)
        except (OSError, SyntaxError, ValueError):
            continue  # Damaged: see DamagedDataHook.
        stored, stated = size, (image['width'], image['height'])
        if is_upright and turn >= 5:
            size = size[::-1]
        if size != stated:
            differ.append(
                f'{image["file_name"]} has {size[0]}x{size[1]} pixels'
                f'{_STORED if stored == stated else ""}, the file says '
                f'{stated[0]}x{stated[1]}')
        elif is_upright and turn in (2, 3, 4):
            turned.append(image['file_name'])
    if differ:
        yield len(differ) / len(sample), (
            f'{len(differ)} of {len(sample)} images that were opened have '
            f'another size: {first_of(differ, 2)}. Training leaves such '
            'images out, an evaluation would not be of them')
    if turned:
        yield 0, (
            f'{len(turned)} of {len(sample)} images that were opened are '
            f'mirrored or turned by 180 degrees by Exif: {first_of(turned)}. '
            'They are read as Exif says. If the annotations are for the '
            f'pixels as stored: {_AS_STORED}')
