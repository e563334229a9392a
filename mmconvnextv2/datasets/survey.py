"""Look at a data set before a run: what it lacks, and what reading it drops.

All of this ends in figures that look right, so no later error would tell.
"""
import os
import random
from collections import Counter, defaultdict
from itertools import islice
from pathlib import PurePath
from typing import Any, Iterator, Optional, Sequence

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmconvnextv2.images import SUFFIXES, bits_and_channels
from .guards import steps_in
from .label_maps import (
    IGNORED,
    MapSample,
    fault_of_file,
    fault_of_labels,
    judged,
    numbers_of_classes,
    reduce_labels,
)

# Files that are opened; more label maps while a class is still to be seen.
_SAMPLE = 32
_MOST_PIXELS = 2**26
_MOST_FILES = 100_000  # of a folder, that are counted
_ORIENTATION = 0x0112  # of Exif; from 5 on, sides are swapped
# See DamagedDataHook.
_DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def survey(dataset: Any, training: bool) -> tuple[list[str], list[str]]:
    """Look at files of a data set.

    Args:
        dataset (BaseDataset): The data set, which wraps no other.
        training (bool): Whether it is trained on, or else evaluated.

    Returns:
        tuple[list[str], list[str]]: What makes a run useless, and notes.
    """
    loader = next((x for x in steps_in(getattr(dataset, 'pipeline', ()))
                   if isinstance(x, LoadImageFromFile)), None)
    paths = [dataset.get_data_info(i).get('img_path')
             for i in range(0, len(dataset), max(1, len(dataset) // _SAMPLE))
             ] if loader else []
    notes, faults = [*unread_files(dataset), *dropped(paths, loader)], []
    if hasattr(dataset, 'reduce_zero_label'):  # mmseg's
        pairs = [dataset.get_data_info(i) for i in range(len(dataset))]
        faults, more = survey_maps(dataset, pairs, training)
        notes += more
    return faults, notes


def unread_files(dataset: Any) -> Iterator[str]:
    """Count the images in the folder of a data set that it passes over."""
    if hasattr(dataset, 'img_suffix'):
        folder, suffix = dataset.data_prefix['img_path'], dataset.img_suffix
        remedy = ("type='mmconvnextv2.FolderSegDataset' reads all kinds, "
                  f"mmseg's only img_suffix={suffix!r}")
    elif hasattr(dataset, 'extensions'):
        folder, suffix = dataset.img_prefix, dataset.extensions
        remedy = f'extensions={SUFFIXES} of the data set reads them'
    else:
        return
    if os.path.isfile(dataset.ann_file or ''):
        return  # A list is meant to choose.
    names = [x.lower() if hasattr(dataset, 'extensions') else x
             for x in islice(_images_in(folder), _MOST_FILES)]
    if dataset.data_prefix.get('seg_map_path') == folder:
        names = [x for x in names if not x.endswith(dataset.seg_map_suffix)]
    unread = Counter(PurePath(x).suffix for x in names
                     if not x.endswith(suffix))
    if unread:
        kinds = ', '.join(f'{n} {x}' for x, n in unread.most_common())
        yield (f'{folder}: {sum(unread.values())} of its {len(names)} images '
               f'are not read: {kinds}. {remedy}.')


def _images_in(folder: str) -> Iterator[str]:
    for _, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [x for x in folders if not x.startswith('.')]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith('.'):
                yield name


def dropped(paths: Sequence[str], loader: Any) -> Iterator[str]:
    """Compare images with what ``LoadImageFromFile`` reads of them."""
    paths = paths[::max(1, len(paths) // _SAMPLE)]
    found: dict[str, list[Any]] = defaultdict(list)
    for path in paths:
        try:
            for what, values in _lost(path, loader):
                found[what].append((path, values))
        except _DAMAGED:
            continue
    for what, lost in found.items():
        low, high, read_low, read_high = np.array([x for _, x in lost]).T
        yield (f'{len(lost)} of {len(paths)} images looked at, such as '
               f'{lost[0][0]}, have {what}: values of {low.min():g} to '
               f'{high.max():g} are read as {read_low.min():g} to '
               f'{read_high.max():g} by color_type={loader.color_type!r}. '
               'What reads them: docs/your_data.md of mmconvnextv2, "More '
               'than 8 bits or 3 channels".')


def _lost(path: str, loader: Any) -> Iterator[tuple[str, list[float]]]:
    bits, channels = bits_and_channels(path)
    if bits <= 8 and channels in (1, 3):
        return
    read = mmcv.imread(
        path, loader.color_type, backend=loader.imdecode_backend)
    whole = mmcv.imread(path, 'unchanged', backend='cv2')
    if read is None or whole is None:
        return  # OpenCV reads nothing of it: see DamagedDataHook.
    ranges = [whole.min(), whole.max(), read.min(), read.max()]
    if bits > 8 * read.itemsize:
        yield f'{bits} bits a value', ranges
    has_one_alpha = whole.ndim == 3 and np.ptp(whole[..., -1]) == 0
    if channels != np.atleast_3d(read).shape[2] and channels != 1 \
            and not has_one_alpha:
        yield f'{channels} channels, not all of which are read', ranges


def survey_maps(dataset: Any, pairs: Sequence[dict],
                training: bool) -> tuple[list[str], list[str]]:
    """Look at label maps of a data set of mmseg; see :func:`survey`.

    Args:
        dataset (BaseSegDataset): The data set.
        pairs (Sequence[dict]): Its records, with the paths of the files.
        training (bool): Whether it is trained on, or else evaluated.
    """
    classes = dataset.metainfo.get('classes') or ()
    sample = _open_some(dataset, [x for x in pairs if x.get('seg_map_path')],
                        len(classes))
    faults, notes = [], []
    for fault, paths in sample.faults.items():
        more = f' (so have {len(paths) - 1} more of {sample.where})'
        faults.append(f'{paths[0]}: {fault}' + more * (len(paths) > 1))
    if not faults:
        for is_fault, text in judged(
                sample, classes, numbers_of_classes(dataset),
                dataset.reduce_zero_label, training):
            (faults if is_fault else notes).append(
                f'{dataset.data_prefix.get("seg_map_path")}: {text}')
    return faults, notes


def _open_some(dataset: Any, pairs: Sequence[dict],
               num_classes: int) -> MapSample:
    """Open label maps until each class is seen, or it is enough."""
    counts, faults, looked = np.zeros(256, np.int64), defaultdict(list), 0
    numbers = numbers_of_classes(dataset)
    for pair in random.Random(0).sample(pairs, len(pairs)):
        looked += 1
        path = pair['seg_map_path']
        try:
            labels = np.asarray(Image.open(path))
            fault = _fault(dataset, pair, labels, num_classes)
        except _DAMAGED:
            continue
        if fault:
            faults[fault].append(path)
        else:
            counts += np.bincount(labels.astype(np.uint8).ravel(),
                                  minlength=256)
        seen = set(numbers[counts > 0]) - {IGNORED}
        if looked >= _SAMPLE and (len(seen) >= num_classes
                                  or counts.sum() > _MOST_PIXELS):
            break
    is_whole = looked == len(pairs)
    where = f'the {looked} label maps' if is_whole else (
        f'{looked} of the {len(pairs)} label maps, a sample')
    return MapSample(where, is_whole, counts, faults)


def _fault(dataset: Any, pair: dict, labels: np.ndarray,
           num_classes: int) -> Optional[str]:
    if dataset.reduce_zero_label and labels.ndim == 2:
        labels = reduce_labels(labels)
    # With a label_map labels are numbered anew after this.
    known = num_classes and not dataset.label_map
    return fault_of_file(pair['seg_map_path']) or fault_of_labels(
        labels, _size(pair['img_path']), num_classes if known else None,
        dataset.reduce_zero_label)


def _size(path: str) -> tuple[int, int]:
    with Image.open(path) as file:
        swapped = file.getexif().get(_ORIENTATION, 1) >= 5
        return file.size if swapped else file.size[::-1]  # as OpenCV gives it
