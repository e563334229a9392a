"""Check annotations in VOC's format: a list, and a file of XML per image."""
import os.path as osp
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from mmconvnextv2.errors import Note
from mmconvnextv2.text import first_of
from .coco import faults_of_heads
from .files import check_list, missing_files


def check_voc(dataset: Any, cfg: Mapping,
              split: str) -> Generator[str, None, list[str]]:
    """Check a list of images, their files, and the objects in these."""
    ids = yield from check_list(dataset.ann_file)
    yield from faults_of_heads(dataset, cfg)
    if twice := [x for x, n in Counter(ids).items() if n > 1]:
        yield f'{dataset.ann_file}: has several times {first_of(twice)}'
    root = dataset.sub_data_root
    images = [f'{dataset.img_subdir}/{x}.jpg' for x in ids]
    annotations = [f'{dataset.ann_subdir}/{x}.xml' for x in ids]
    if missing := missing_files(root, images + annotations):
        yield (f'{dataset.ann_file}: {len(missing)} of its images and '
               f'annotations are not in {root}: {first_of(missing)}')
        return []
    names: Counter = Counter()
    for path in (osp.join(root, x) for x in annotations):
        try:
            names.update(_names(path))
        except (ET.ParseError, TypeError, ValueError) as error:
            yield f'{path}: is not as VOC has it: {error}'
    yield from (type(x)(f'{dataset.ann_file}: {x}') for x in _check_names(
        names, dataset.metainfo['classes'], split == 'train'))
    return [osp.join(root, x) for x in images]


def _names(path: str) -> Iterator[str]:
    root = ET.parse(path).getroot()
    if root.find('size') is not None:
        int(root.findtext('size/width')), int(root.findtext('size/height'))
    for item in root.findall('object'):
        left, top, right, bottom = (
            float(item.findtext(f'bndbox/{x}'))
            for x in ('xmin', 'ymin', 'xmax', 'ymax'))
        if left >= right or top >= bottom:
            raise ValueError(f'a box from {left, top} to {right, bottom}')
        yield str(item.findtext('name'))


def _check_names(names: Counter, classes: Sequence[str],
                 training: bool) -> Iterator[str]:
    others = [x for x in names if x not in classes]
    absent = [x for x in classes if x not in names]
    if others:
        yield Note.unless(
            training and bool(absent),
            f'{sum(names[x] for x in others)} of {names.total()} objects have '
            'names that metainfo.classes lacks and are left out: '
            f'{first_of(others)}; of its classes there are no '
            f'{first_of(absent)}')
    elif training and not names:
        yield 'its annotations hold no object'
