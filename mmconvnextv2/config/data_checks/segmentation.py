"""Check images and label maps of segmentation: pairs, sizes, labels."""
import os.path as osp
import random
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from mmconvnextv2.config.preflight import steps_of
from mmconvnextv2.config.walk import parts
from mmconvnextv2.datasets import label_maps
from mmconvnextv2.datasets.label_maps import MapSample, numbers_of_classes
from mmconvnextv2.errors import Note
from mmconvnextv2.text import first_of
from .files import check_list, images_in, unread
from .images import DAMAGED, is_turned, size_of, turned_images

# Label maps that are opened; more while a class is still to be seen.
_SAMPLE = 32
_MOST_PIXELS = 2**26


def check_label_maps(dataset: Any, cfg: Mapping,
                     split: str) -> Generator[str, None, list[str]]:
    """Check that each image has a label map, and open a sample of them."""
    if not hasattr(dataset, 'reduce_zero_label'):
        return []  # mmdet has another type of this name.
    yield from _check_settings(dataset, cfg, split)
    if osp.isfile(dataset.ann_file):
        yield from check_list(dataset.ann_file)
    records = dataset.load_data_list()
    paths = [x['img_path'] for x in records]
    if not osp.isfile(dataset.ann_file):  # A list is meant to choose.
        folder = dataset.data_prefix['img_path']
        found = [x for x in images_in(folder)
                 if dataset.data_prefix.get('seg_map_path') != folder
                 or not x.endswith(dataset.seg_map_suffix)]
        yield from unread(folder, found, paths, "type='mmconvnextv2."
                          "FolderSegDataset' reads all kinds, mmseg's only "
                          f'img_suffix={dataset.img_suffix!r}')
    pairs = [x for x in records if x.get('seg_map_path')]
    is_whole = True
    for key, what in (('img_path', 'images'), ('seg_map_path', 'label maps')):
        if missing := [x[key] for x in pairs if not osp.exists(x[key])]:
            is_whole = False
            yield (f'{dataset.data_prefix[key]}: {len(missing)} of '
                   f'{len(pairs)} {what} are missing: {first_of(missing)}')
    if is_whole:
        yield from _check_maps(dataset, pairs, cfg, split)
    return paths


def _check_settings(dataset: Any, cfg: Mapping, split: str) -> Iterator[str]:
    classes = dataset.metainfo.get('classes') or ()
    for key, part in parts(cfg.get('model'), 'model'):
        outputs = part.get('num_classes')
        if 'head' in key and outputs and len(classes) not in (0, outputs):
            yield (f'{key}.num_classes is {outputs}, {split}_dataloader has '
                   f'{len(classes)} classes: {first_of(classes)}')
    for step in steps_of(cfg, split, 'LoadAnnotations'):
        if step.get('reduce_zero_label') not in (None,
                                                 dataset.reduce_zero_label):
            yield (f'{split}_dataloader: LoadAnnotations has reduce_zero_label'
                   f'={step["reduce_zero_label"]}, the data set '
                   f'{dataset.reduce_zero_label}. Set it on the data set only')


def _check_maps(dataset: Any, pairs: Sequence[dict], cfg: Mapping,
                split: str) -> Iterator[str]:
    classes = dataset.metainfo.get('classes') or ()
    sample, kept = _open_some(dataset, pairs, len(classes),
                              is_turned(cfg, split))
    for fault, paths in sample.faults.items():
        more = f' (so have {len(paths) - 1} more of {sample.where})'
        yield f'{paths[0]}: {fault}' + more * (len(paths) > 1)
    if sample.faults:
        return
    for text in turned_images(kept, sample.number, 'the label maps are'):
        yield Note(f'{dataset.data_prefix["img_path"]}: {text}')
    for is_fault, text in label_maps.judged(
            sample, classes, numbers_of_classes(dataset),
            dataset.reduce_zero_label, split == 'train'):
        yield Note.unless(
            is_fault, f'{dataset.data_prefix.get("seg_map_path")}: {text}')


def _open_some(dataset: Any, pairs: Sequence[dict], num_classes: int,
               turned: bool) -> tuple[MapSample, list[str]]:
    """Open label maps until each class is seen, or it is enough."""
    counts, faults, kept = np.zeros(256, np.int64), defaultdict(list), []
    numbers, looked = numbers_of_classes(dataset), 0
    for pair in random.Random(0).sample(pairs, len(pairs)):
        looked += 1
        path = pair['seg_map_path']
        try:
            labels = np.asarray(Image.open(path))
            size, is_kept = size_of(pair['img_path'], turned)
            fault = _fault(dataset, path, labels, size[::-1], num_classes)
        except DAMAGED:
            continue
        if is_kept:
            kept.append(pair['img_path'])
        if fault:
            faults[fault].append(path)
        else:
            counts += np.bincount(labels.astype(np.uint8).ravel(),
                                  minlength=256)
        seen = set(numbers[counts > 0]) - {label_maps.IGNORED}
        if looked >= _SAMPLE and (len(seen) >= num_classes
                                  or counts.sum() > _MOST_PIXELS):
            break
    return MapSample(looked, len(pairs), counts, faults), kept


def _fault(dataset: Any, path: str, labels: np.ndarray, size: tuple[int, int],
           num_classes: int) -> str | None:
    if dataset.reduce_zero_label and labels.ndim == 2:
        labels = label_maps.reduce_labels(labels)
    # With a label_map labels are numbered anew after this.
    known = num_classes and not dataset.label_map
    return label_maps.fault_of_file(path) or label_maps.fault_of_labels(
        labels, size, num_classes if known else None,
        dataset.reduce_zero_label)
