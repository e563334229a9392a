"""Annotation files in COCO's format, record by record."""
import json
import math
import os
import os.path as osp
from collections import Counter, defaultdict
from typing import Any, Dict, List, Mapping, Optional, Sequence

from .coco_left_out import CocoUse, left_out
from .findings import Findings, listed

_NUMBERS = {int, float}
_KEYS = {
    'images': {'id': (int, str), 'file_name': (str, ), 'width': (int, float),
               'height': (int, float)},
    'categories': {'id': (int, ), 'name': (str, )},
    'annotations': {'id': (int, str), 'image_id': (int, str),
                    'category_id': (int, ), 'bbox': (list, ),
                    'area': (int, float)},
}  # yapf: disable


def check_coco(path: str, use: CocoUse) -> Findings:
    """Check an annotation file and the presence of its images.

    mmdet's ``CocoDataset`` says of what is wrong here a KeyError, or nothing.

    Args:
        path (str): The file.
        use (CocoUse): What it is for.

    Returns:
        Findings: Problems by file and record. Notes say which annotations and
        images mmdet leaves out in training, and why.
    """
    content, fault = _read(path)
    if fault:
        return Findings([f'{path}: {fault}'])
    problems: List[str] = []
    records = {}
    for kind in _KEYS:
        found = content.get(kind)
        if kind == 'annotations' and found is None \
                and not use.needs_annotations:
            found = []
        if not isinstance(found, list):
            problems.append(
                f'{path}: the key {kind!r} is missing (it has: '
                f'{listed(sorted(content)) or "none"})' if found is None else
                f'{path}: {kind!r} must be a list, is a '
                f'{type(found).__name__}')
            continue
        records[kind] = found
        problems += _faulty_records(path, kind, found)
    if problems:
        return Findings(problems)
    images = {x['id']: x for x in records['images']}
    categories = {x['id']: x['name'] for x in records['categories']}
    problems += _faulty_annotations(path, records['annotations'], images,
                                    categories, use.with_mask)
    problems += _faulty_classes(path, list(categories.values()), use.classes)
    problems += _missing_images(path, records['images'], use.image_dir)
    if problems or not use.is_training:
        return Findings(problems)
    return left_out(path, records, images, categories, use)


def _read(path: str) -> tuple:
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except json.JSONDecodeError as error:
        if not osp.getsize(path):
            return None, 'the file is empty'
        return None, (f'no valid JSON: {error.msg} in line {error.lineno}, '
                      f'column {error.colno} (is it cut off?)')
    except (OSError, UnicodeDecodeError) as error:
        return None, f'cannot be read as JSON: {error}'
    if not isinstance(content, dict):
        return None, ('expected a JSON object with images, annotations and '
                      f'categories, got a {type(content).__name__}')
    return content, ''


def _faulty_records(path: str, kind: str, records: List[Any]) -> List[str]:
    """Records that lack a key or have a value of the wrong type."""
    keys = _KEYS[kind]
    problems = []
    for i, record in enumerate(records):
        where = f'{path}: {kind}[{i}]'
        if not isinstance(record, dict):
            problems.append(f'{where} must be an object, is {record!r:.60}')
            continue
        if 'id' in record:
            where += f' (id {record["id"]})'
        for key, types in keys.items():
            if key not in record:
                problems.append(f'{where} lacks {key!r}')
            elif type(record[key]) not in types:
                expected = ' or '.join(x.__name__ for x in types)
                problems.append(f'{where}: {key} must be {expected}, is '
                                f'{record[key]!r:.60}')
    if not problems:
        counts = Counter(x['id'] for x in records)
        problems = [
            f'{path}: {n} {kind} have the id {x}' for x, n in counts.items()
            if n > 1
        ]
    return problems


def _faulty_annotations(path: str, annotations: List[dict],
                        images: Mapping[Any, dict],
                        categories: Mapping[int, str],
                        with_mask: bool) -> List[str]:
    problems = []
    for i, ann in enumerate(annotations):
        image = images.get(ann['image_id'])
        fault = None
        if image is None:
            fault = f'there is no image with the id {ann["image_id"]}'
        elif ann['category_id'] not in categories:
            fault = f'there is no category with the id {ann["category_id"]}'
        elif len(ann['bbox']) != 4 or set(map(
                type, ann['bbox'])) - _NUMBERS or not math.isfinite(
                    sum(ann['bbox'])):
            fault = ('bbox must be 4 numbers (x, y, width, height), is '
                     f'{ann["bbox"]!r:.60}')
        elif with_mask:
            fault = _faulty_mask(ann.get('segmentation'), image)
        if fault:
            name = f'{path}: annotations[{i}] (id {ann["id"]}'
            name += f', {image["file_name"]})' if image else ')'
            problems.append(f'{name}: {fault}')
    return problems


def _faulty_mask(mask: Any, image: dict) -> Optional[str]:
    if isinstance(mask, list):
        if any(not isinstance(x, list) or set(map(type, x)) - _NUMBERS
               for x in mask):
            return ('segmentation must be a list of polygons [x1, y1, x2, '
                    f'...], is {mask!r:.60}')
    elif isinstance(mask, dict):
        size = [image['height'], image['width']]
        if 'size' in mask and mask['size'] != size:
            return (f'its mask has the size {mask["size"]}, the image '
                    f'{size} (height, width)')
    elif mask is not None:
        return f'segmentation must be polygons or RLE, is {mask!r:.60}'
    return None


def _faulty_classes(path: str, names: Sequence[str],
                    classes: Optional[Sequence[str]]) -> List[str]:
    absent = [x for x in classes or () if x not in names]
    if not absent:
        return []
    return [
        f'{path}: {len(absent)} of the {len(classes or ())} classes are not '
        f'among its categories: {listed(absent)}; these are {listed(names)}. '
        'Name its own as metainfo=dict(classes=(...)) of the data set, and '
        'their number as num_classes of the heads'
    ]


def _missing_images(path: str, images: Sequence[dict],
                    folder: str) -> List[str]:
    """Images that do not exist; folders are listed once, as that is fast."""
    names: Dict[str, List[str]] = defaultdict(list)
    for image in images:
        names[osp.dirname(image['file_name'])].append(image['file_name'])
    missing = []
    for sub, files in names.items():
        try:
            there = set(os.listdir(osp.join(folder, sub)))
        except OSError:
            there = set()
        missing += [x for x in files if osp.basename(x) not in there]
    if not missing:
        return []
    return [
        f'{path}: {len(missing)} of its {len(images)} images are not in '
        f'{folder}: {listed(missing)}'
    ]
