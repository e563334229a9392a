"""Check images and label maps of segmentation: pairs, sizes, labels."""
import os.path as osp
from typing import Any, Callable, Iterator, Mapping

import numpy as np
from PIL import Image

from mmconvnextv2.datasets.label_maps import fault_of_labels, reduce_labels
from mmconvnextv2.text import first_of

# Pairs that are opened; the others are checked when they are loaded.
_SAMPLE = 32
_ORIENTATION = 0x0112  # of Exif; from 5 on, sides are swapped


def check_label_maps(dataset: Any, cfg: Mapping, split: str,
                     note: Callable[[str], None]) -> Iterator[str]:
    """Check that each image has a label map, and open a sample of them."""
    pairs = [x for x in dataset.load_data_list() if 'seg_map_path' in x]
    missing = {
        key: [x[key] for x in pairs if not osp.exists(x[key])]
        for key in ('img_path', 'seg_map_path')
    }
    for (key, paths), what in zip(missing.items(), ('images', 'label maps')):
        if paths:
            yield (f'{dataset.data_prefix[key]}: {len(paths)} of '
                   f'{len(pairs)} {what} are missing: {first_of(paths)}')
    if not any(missing.values()):
        yield from _faulty_maps(dataset, pairs)


def _faulty_maps(dataset: Any, pairs: list[dict]) -> Iterator[str]:
    classes = dataset.metainfo.get('classes')
    # With a label_map labels are numbered anew when they are loaded.
    num_classes = len(classes) if classes and not dataset.label_map else None
    for pair in pairs[::max(1, len(pairs) // _SAMPLE)]:
        try:
            with Image.open(pair['img_path']) as file:
                size = file.size[::-1]
                if file.getexif().get(_ORIENTATION, 1) >= 5:
                    size = size[::-1]  # as OpenCV gives it, upright
            with Image.open(pair['seg_map_path']) as file:
                labels = np.asarray(file)
        except (OSError, SyntaxError, ValueError):
            continue  # Damaged: see DamagedDataHook.
        if labels.ndim == 2 and dataset.reduce_zero_label:
            labels = reduce_labels(labels)
        fault = fault_of_labels(labels, size, num_classes,
                                dataset.reduce_zero_label)
        if fault:
            yield f'{pair["seg_map_path"]}: {fault}'
