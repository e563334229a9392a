"""Images and label maps of segmentation: pairs, sizes, labels."""
import os
import os.path as osp
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from PIL import Image

from mmconvnextv2.datasets.label_maps import fault_of_labels, reduce_labels
from .findings import Findings, listed

# Pairs that are opened; the others are checked when they are loaded.
_SAMPLE = 32
_ORIENTATION = 0x0112  # of Exif; from 5 on, sides are swapped
_SWAPPED = 5


class LabelMapUse(NamedTuple):
    """Where a segmentation data set lies, and what its labels mean.

    Attributes:
        image_dir (str): Folder of the images.
        map_dir (str): Folder of the label maps.
        ann_file (str): File of names without suffix, or '' for all images.
        image_suffix (str): Suffix of images.
        map_suffix (str): Suffix of label maps.
        num_classes (int, optional): None leaves labels unchecked.
        reduce_zero_label (bool): Whether labels in the files begin with 1.
    """

    image_dir: str
    map_dir: str
    ann_file: str = ''
    image_suffix: str = '.jpg'
    map_suffix: str = '.png'
    num_classes: Optional[int] = None
    reduce_zero_label: bool = False


def check_label_maps(use: LabelMapUse) -> Findings:
    """Check that each image has a label map, and open a sample of them.

    Damaged files are no findings: see ``DamagedDataHook``.

    Args:
        use (LabelMapUse): The data set.

    Returns:
        Findings: Problems by file.
    """
    images = _names(use.image_dir, use.image_suffix)
    if use.ann_file:
        try:
            with open(use.ann_file, encoding='utf-8') as file:
                names = [line.strip() for line in file]
        except (OSError, UnicodeDecodeError) as error:
            return Findings([f'{use.ann_file}: cannot be read: {error}'])
    else:
        names = sorted(images)
    if not names:
        return Findings([
            f'{use.ann_file or use.image_dir}: holds no images (of the suffix '
            f'{use.image_suffix}: img_suffix of the data set)'
        ])
    problems = []
    maps = _names(use.map_dir, use.map_suffix)
    for folder, suffix, there, what in (
        (use.image_dir, use.image_suffix, images, 'images'),
        (use.map_dir, use.map_suffix, maps, 'label maps')):
        missing = [x + suffix for x in names if x not in there]
        if missing:
            problems.append(f'{folder}: {len(missing)} of {len(names)} {what} '
                            f'are missing: {listed(missing)}')
    return Findings(problems or _faulty_maps(use, names))


def _names(folder: str, suffix: str) -> set:
    """Names without suffix, relative to the folder, in subfolders too."""
    found = set()
    for path, _, files in os.walk(folder, followlinks=True):
        sub = osp.relpath(path, folder)
        for file in files:
            if file.endswith(suffix) and file[0] != '.':
                name = file[:len(file) - len(suffix)]
                found.add(name if sub == '.' else osp.join(sub, name))
    return found


def _faulty_maps(use: LabelMapUse, names: Sequence[str]) -> List[str]:
    step = max(1, len(names) // _SAMPLE)
    problems = []
    for name in names[::step]:
        path = osp.join(use.map_dir, name + use.map_suffix)
        try:
            size = _size(osp.join(use.image_dir, name + use.image_suffix))
            with Image.open(path) as file:
                labels = np.asarray(file)
        except (OSError, SyntaxError, ValueError):
            continue  # Damaged; pictures too large to be decoded are as well.
        if labels.ndim == 2 and use.reduce_zero_label:
            labels = reduce_labels(labels)
        fault = fault_of_labels(labels, size, use.num_classes,
                                use.reduce_zero_label)
        if fault:
            problems.append(f'{path}: {fault}')
    return problems


def _size(path: str) -> Tuple[int, int]:
    """Height and width as OpenCV gives them, upright."""
    with Image.open(path) as file:
        width, height = file.size
        if file.getexif().get(_ORIENTATION, 1) >= _SWAPPED:
            width, height = height, width
    return height, width
