"""Check annotation files in COCO's format, record by record."""
import json
import math
import os.path as osp
from collections import Counter, defaultdict
from typing import Any, Callable, Iterator, Mapping, Optional

from mmconvnextv2.config.recipe_data import named, pipeline_of
from mmconvnextv2.text import first_of

_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


def check_coco(dataset: Any, cfg: Mapping, split: str,
               note: Callable[[str], None]) -> Iterator[str]:
    """Check an annotation file and the presence of its images.

    mmdet answers what is wrong here with a KeyError, or with silence.
    """
    path = dataset.ann_file
    steps = pipeline_of(cfg.get(f'{split}_dataloader'))
    with_mask = any(x.get('with_mask') for x in named(steps,
                                                      'LoadAnnotations'))
    evaluator = cfg.get(f'{split}_evaluator')
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        if isinstance(evaluator, Mapping) and evaluator.get('format_only'):
            content.setdefault('annotations', [])
        for kind in ('images', 'categories', 'annotations'):
            if not isinstance(content[kind], list):
                raise TypeError(f'{kind} must be a list')
    except (OSError, *_UNREADABLE) as error:
        yield (f'{path}: no JSON object with images, annotations and '
               f'categories (is it cut off?): {_described(error)}')
        return
    faults = _faulty_records(content, with_mask) or list(
        _mismatches(content, dataset))
    yield from (f'{path}: {fault}' for fault in faults)
    if split == 'train' and not faults and not dataset.test_mode:
        for text in _left_out(content, dataset, with_mask):
            note(f'{path}: {text}')


def _described(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f'the key {error} is missing'
    return str(error)


def _faulty_records(content: Mapping, with_mask: bool) -> list[str]:
    """Look at each record as mmdet and pycocotools will."""
    known: dict[str, dict] = {}  # Records by id, of each kind.
    for kind in ('images', 'categories', 'annotations'):
        faults, ids = [], Counter()
        for i, record in enumerate(content[kind]):
            try:
                fault = _fault(kind, record, known, with_mask)
                ids[record['id']] += 1
            except _UNREADABLE as error:
                fault = f'{_described(error)} in {record!r:.80}'
            if fault:
                faults.append(f'{kind}[{i}]: {fault}')
        if not faults:
            faults = [f'{n} {kind} have the id {x}' for x, n in ids.items()
                      if n > 1]
        if faults:
            return faults  # Those of the next kind would follow from them.
        known[kind] = {x['id']: x for x in content[kind]}
    return []


def _fault(kind: str, record: dict, known: Mapping,
           with_mask: bool) -> Optional[str]:
    if kind == 'annotations':
        return _fault_of_annotation(record, known['images'],
                                    known['categories'], with_mask)
    if kind == 'categories':
        record['name']
    else:
        osp.basename(record['file_name'])
        if min(record['width'], record['height']) <= 0:
            return f'width and height must be positive, in {record!r:.80}'
    return None


def _fault_of_annotation(ann: dict, images: Mapping, categories: Mapping,
                         with_mask: bool) -> Optional[str]:
    image = images.get(ann['image_id'])
    name = f'id {ann["id"]}' + (f', {image["file_name"]}' if image else '')
    box, mask = ann['bbox'], ann.get('segmentation')
    if image is None:
        return f'there is no image with the id {ann["image_id"]} ({name})'
    if ann['category_id'] not in categories:
        return (f'there is no category with the id {ann["category_id"]} '
                f'({name})')
    if len(box) != 4 or not math.isfinite(sum(box, ann['area'])):
        return (f'bbox must be 4 numbers (x, y, width, height) and area one, '
                f'got {box!r:.60} and {ann["area"]} ({name})')
    size = [image['height'], image['width']]
    if with_mask and isinstance(mask, dict) and mask.get('size') != size:
        return (f'its mask has the size {mask.get("size")}, the image {size} '
                f'(height, width) ({name})')
    if with_mask and isinstance(mask, list) and not all(
            isinstance(x, list) for x in mask):
        return ('segmentation must be a list of polygons [x1, y1, x2, ...], '
                f'got {mask!r:.60} ({name})')
    return None


def _mismatches(content: Mapping, dataset: Any) -> Iterator[str]:
    names = [x['name'] for x in content['categories']]
    classes = dataset.metainfo['classes']
    absent = [x for x in classes if x not in names]
    if absent:
        yield (f'{len(absent)} of the {len(classes)} classes are not among '
               f'its categories: {first_of(absent)}; these are '
               f'{first_of(names)}. Name them as metainfo=dict(classes=(...)) '
               'of the data set, and their number as num_classes of the heads')
    folder = dataset.data_prefix.get('img', '')
    files = [x['file_name'] for x in content['images']]
    missing = [x for x in files if not osp.exists(osp.join(folder, x))]
    if missing:
        yield (f'{len(missing)} of its {len(files)} images are not in '
               f'{folder}: {first_of(missing)}')


def _left_out(content: Mapping, dataset: Any,
              with_mask: bool) -> Iterator[str]:
    """Count by rule what mmdet leaves out in training without a word."""
    filters = dataset.filter_cfg or {}
    names = {x['id']: x['name'] for x in content['categories']}
    images = {x['id']: x for x in content['images']}
    out: dict[str, list[Any]] = defaultdict(list)
    annotated = set()
    for ann in content['annotations']:
        if names[ann['category_id']] not in dataset.metainfo['classes']:
            continue
        annotated.add(ann['image_id'])
        if _is_degenerate(ann, images[ann['image_id']]):
            out['annotations are left out (a box below one pixel or outside '
                'the image, or no area): ids'].append(ann['id'])
        elif with_mask and not _has_mask(ann.get('segmentation')):
            out['annotations are ignored (a mask without a polygon of 3 '
                'points): ids'].append(ann['id'])
    for key, image in images.items():
        if min(image['width'], image['height']) < filters.get('min_size', 0):
            out['images are left out (smaller than filter_cfg.min_size):'
                ].append(image['file_name'])
        elif filters.get('filter_empty_gt') and key not in annotated:
            out['images are left out (no object, filter_cfg.filter_empty_gt):'
                ].append(image['file_name'])
    for rule, items in out.items():
        yield f'{len(items)} {rule} {first_of(items)}'


def _is_degenerate(ann: Mapping, image: Mapping) -> bool:
    x, y, width, height = ann['bbox']
    return (min(width, height) < 1 or min(x + width, y + height) <= 0
            or x >= image['width'] or y >= image['height']
            or ann['area'] <= 0)


def _has_mask(mask: Any) -> bool:
    return isinstance(mask, dict) or any(
        len(x) >= 6 and len(x) % 2 == 0 for x in mask or ())
