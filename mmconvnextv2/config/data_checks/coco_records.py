"""Check an annotation file in COCO's format record by record."""
import math
import os.path as osp
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

UNREADABLE = (LookupError, TypeError, ValueError, AttributeError,
              OverflowError, RecursionError)
# The characters of compressed masks.
_COMPRESSED = ''.join(map(chr, range(48, 112)))
_NO_EXTENT = (math.nan, ) * 4


class Use(NamedTuple):
    """What a run needs of an annotation file."""

    masks: bool  # It reads them.
    is_evaluated: bool = False  # else it trains
    scores_masks: bool = False


class Records(NamedTuple):
    """Records of a file, by id, and what was found while they were read."""

    faults: list[str]  # each with the place of its record
    images: dict
    categories: dict
    # x1, y1, x2, y2 of the mask of each annotation: of its polygons, of the
    # box of a compressed one, NaN without one.
    extents: list


def read_records(content: Mapping, use: Use) -> Records:
    """Look at each record of a file as mmdet and pycocotools will."""
    found = Records([], {}, {}, [])
    for kind, check in (('images', _fault_of_image),
                        ('categories', _fault_of_category),
                        ('annotations', _fault_of_annotation)):
        known = {}
        for i, record in enumerate(content[kind]):
            try:
                known[record['id']] = record
                fault = check(record, found, use)
            except UNREADABLE as error:
                fault = f'{described(error)} in {record!r:.80}'
            if fault:
                found.faults.append(f'{kind}[{i}]: {fault}')
        if not found.faults and len(known) < len(content[kind]):
            ids = Counter(x['id'] for x in content[kind])
            found.faults.extend(f'{n} {kind} have the id {x}'
                                for x, n in ids.items() if n > 1)
        if found.faults:
            break  # Those of the next kind would follow from them.
        if kind != 'annotations':
            getattr(found, kind).update(known)
    return found


def described(error: Exception) -> str:
    """Say in a few words what an error of reading means."""
    if isinstance(error, KeyError):
        return f'the key {error} is missing'
    return str(error)


def _fault_of_image(image: dict, found: Records, use: Use) -> str | None:
    osp.basename(image['file_name'])
    if not (0 < image['width'] < math.inf and 0 < image['height'] < math.inf):
        return f'width and height must be positive, in {image!r:.80}'
    return None


def _fault_of_category(category: dict, found: Records, use: Use) -> None:
    hash(category['name'])


def _fault_of_annotation(ann: dict, found: Records, use: Use) -> str | None:
    image, box, fault = found.images.get(ann['image_id']), ann['bbox'], None
    if image is None:
        fault = f'there is no image with the id {ann["image_id"]}'
    elif ann['category_id'] not in found.categories:
        fault = f'there is no category with the id {ann["category_id"]}'
    elif len(box) != 4 or not math.isfinite(sum(box, ann['area'])):
        fault = ('bbox must be 4 numbers (x, y, width, height) and area one, '
                 f'got {box!r:.60} and {ann["area"]}')
    elif ann.get('iscrowd', 0) not in (0, 1):
        fault = f'iscrowd must be 0 or 1, got {ann["iscrowd"]!r:.60}'
    else:
        extent = _NO_EXTENT
        if use.masks and (mask := ann.get('segmentation')):
            try:
                extent = _extent_of_rle(ann, image) if isinstance(
                    mask, dict) else _extent(mask, image, use)
            except ValueError as error:
                fault = str(error)
        found.extents.append(extent)
    return fault and f'{fault} (id {ann["id"]}' + (
        f', {image["file_name"]})' if image else ')')


def _extent_of_rle(ann: Mapping, image: Mapping) -> tuple:
    mask, (x, y, width, height) = ann['segmentation'], ann['bbox']
    size, counts = [image['height'], image['width']], mask.get('counts')
    if mask.get('size') != size:
        raise ValueError(f'its mask has the size {mask.get("size")}, the image'
                         f' {size} (height, width)')
    if isinstance(counts, str):
        is_sane = counts and not counts.strip(_COMPRESSED)
    else:
        is_sane = (isinstance(counts, list) and {*map(type, counts)} == {int}
                   and min(counts) >= 0 and sum(counts) == size[0] * size[1])
    if not is_sane:
        raise ValueError(
            'counts of its mask must be text, or integers that add up to the '
            f'{size[0] * size[1]} pixels of the image, got {counts!r:.60}')
    return x, y, x + width, y + height


def _extent(polygons: Any, image: Mapping, use: Use) -> tuple:
    """Return the extent of polygons that lie near their image."""
    if not isinstance(polygons, list) or {*map(type, polygons)} != {list}:
        raise ValueError('segmentation must be a list of polygons [x1, y1, '
                         f'x2, ...], got {polygons!r:.60}')
    points: list[float] = []
    for polygon in polygons:
        if len(polygon) >= 6 and len(polygon) % 2 == 0:
            points = points + polygon if points else polygon
        elif use.is_evaluated:
            raise ValueError('a polygon must be x and y of 3 points or more, '
                             f'got {polygon!r:.60}')
    if not points:  # mmdet ignores it in training.
        return _NO_EXTENT
    if not math.isfinite(sum(points)):
        raise ValueError('a coordinate of its mask is not finite')
    xs, ys = points[::2], points[1::2]
    x1, y1, x2, y2 = extent = min(xs), min(ys), max(xs), max(ys)
    width, height = image['width'], image['height']
    if x1 < -width or x2 > 2 * width or y1 < -height or y2 > 2 * height:
        raise ValueError(
            f'its mask reaches from {x1:g}, {y1:g} to {x2:g}, {y2:g}, far '
            f'outside the image of {width}x{height} pixels')
    return extent
