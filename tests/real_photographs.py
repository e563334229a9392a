"""A COCO data set of photographs that scikit-image and scikit-learn ship.

The outlines in data/real_photographs.json were drawn by hand, in pixels.
"""
import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import List

import numpy as np
from mmdet.datasets import CocoDataset
from PIL import Image
from pycocotools import mask as coco_mask

_OUTLINES = Path(__file__).parent / 'data' / 'real_photographs.json'
# COCO numbers its 80 classes from 1 to 90.
_UNUSED = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
CATEGORY_IDS = dict(
    zip(CocoDataset.METAINFO['classes'],
        [i for i in range(1, 91) if i not in _UNUSED]))


def write_coco(root: Path) -> None:
    """Write train2017, val2017 and annotations, as COCO has them."""
    photographs = json.loads(_OUTLINES.read_text())['images']
    for split in ('train', 'val'):
        _write_split(root, f'{split}2017',
                     [x for x in photographs if x['split'] == split])


def photograph(name: str) -> Path:
    """Path of a file, named by its package and its place therein."""
    package, _, rest = name.partition('/')
    return Path(find_spec(package).submodule_search_locations[0]) / rest


def _write_split(root: Path, split: str, photographs: List[dict]) -> None:
    (root / split).mkdir(parents=True)
    (root / 'annotations').mkdir(exist_ok=True)
    images, annotations = [], []
    for image_id, item in enumerate(photographs, start=1):
        source = photograph(item['file'])
        shutil.copy(source, root / split)
        width, height = Image.open(source).size
        images.append(
            dict(
                id=image_id, file_name=source.name, width=width,
                height=height))
        for thing in item['objects']:
            annotations.append(
                dict(
                    _annotation(thing, height, width),
                    id=len(annotations) + 1,
                    image_id=image_id))
    content = dict(
        images=images,
        annotations=annotations,
        categories=[dict(id=i, name=name) for name, i in CATEGORY_IDS.items()])
    (root / 'annotations' / f'instances_{split}.json').write_text(
        json.dumps(content))


def _annotation(thing: dict, height: int, width: int) -> dict:
    polygons = thing['polygons']
    rle = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    is_crowd = thing.get('iscrowd', 0)
    return dict(
        category_id=CATEGORY_IDS[thing['category']],
        segmentation=_run_lengths(rle) if is_crowd else polygons,
        bbox=coco_mask.toBbox(rle).tolist(),
        area=float(coco_mask.area(rle)),
        iscrowd=is_crowd)


def _run_lengths(rle: dict) -> dict:
    """COCO writes the outlines of crowds as plain run lengths."""
    column_wise = coco_mask.decode(rle).flatten(order='F')
    edges = np.flatnonzero(np.diff(column_wise, prepend=0))
    counts = np.diff([0, *edges, column_wise.size])
    return dict(size=rle['size'], counts=counts.tolist())
