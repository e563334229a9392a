"""Count the objects of a COCO file that a run learns from or finds."""
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from mmconvnextv2.errors import Note
from mmconvnextv2.text import first_of
from .coco_records import Records, Use

_CORNERS = (' They look like corners x1, y1, x2, y2, which are x, y, x2 - x1,'
            ' y2 - y1 in COCO.')
_SHARES = (' All boxes lie within 0 and 1: are they shares of the image? '
           "COCO's are pixels.")
_BOXES_ONLY = (
    ' To train on boxes alone: with_mask=False in the pipelines, '
    "model.roi_head.mask_head=None, metric='bbox' of the evaluators.")
_ALL_CROWDS = (
    ' Set iscrowd to 0: exporters write 1 for objects of several parts, COCO '
    'for groups that nobody took apart.')
_CROWD = 'are crowds (iscrowd 1)'
_IN_SMALL = 'are in images smaller than filter_cfg.min_size'
_NO_MASK = 'have no mask of a polygon of 3 points or more'


class Objects(NamedTuple):
    """Annotations of the classes, as arrays."""

    records: list[dict]  # N annotations
    labels: np.ndarray  # (N, ), positions in classes
    boxes: np.ndarray  # (N, 4), x1, y1, x2, y2 in pixels
    sizes: np.ndarray  # (N, 2), width and height of their images
    extents: np.ndarray  # (N, 4), of their polygons; NaN without one

    @property
    def is_real(self) -> np.ndarray:
        """(N, ), whether the box has a pixel, within its image."""
        near, far = self.boxes[:, :2], self.boxes[:, 2:]
        return ((far - near >= 1) & (far > 0) & (near < self.sizes)).all(1)


def objects_of(content: Mapping, read: Records, classes: Any) -> Objects:
    """Collect the annotations of the classes."""
    of_class = {k: list(classes).index(x['name']) if x['name'] in classes
                else -1 for k, x in read.categories.items()}
    labels = np.array([of_class[x['category_id']]
                       for x in content['annotations']], int)
    kept = labels >= 0
    records = list(itertools.compress(content['annotations'], kept))
    sides = {k: (x['width'], x['height']) for k, x in read.images.items()}
    boxes = _rows([x['bbox'] for x in records], 4)
    boxes[:, 2:] += boxes[:, :2]
    return Objects(records, labels[kept], boxes,
                   _rows([sides[x['image_id']] for x in records], 2),
                   _rows(read.extents, 4)[kept])


def _rows(rows: Iterable, length: int) -> np.ndarray:
    flat = itertools.chain.from_iterable(rows)
    return np.fromiter(flat, float).reshape(-1, length)


def left_out(found: Objects, use: Use, min_size: int) -> dict[str, np.ndarray]:
    """Mark by rule what does not count; the first rule that holds does."""
    flag = {x: np.array([bool(y.get(x)) for y in found.records], bool)
            for x in ('iscrowd', 'ignore')}
    rules = {_CROWD: flag['iscrowd']}
    if not use.is_evaluated:
        rules = {
            'are left out (a box below one pixel or outside the image, or no '
            'area)':
            ~found.is_real | np.array(
                [x['area'] <= 0 for x in found.records], bool),
            'are marked as ignore': flag['ignore'], **rules,
            _IN_SMALL: found.sizes.min(1, initial=np.inf) < min_size}
    if use.scores_masks or use.masks and not use.is_evaluated:
        rules = {_NO_MASK: np.isnan(found.extents[:, 0]), **rules}
    free = np.ones(len(found.records), bool)
    for rule, marked in rules.items():
        rules[rule] = marked & free
        free &= ~marked
    return rules


def check_objects(found: Objects, use: Use, rules: Mapping[str, np.ndarray],
                  classes: Any) -> Iterator[str]:
    """Yield what is left out, as a note unless that is a fault."""
    free = ~np.any([*rules.values()], 0) if rules else np.array([], bool)
    aim = 'count in an evaluation' if use.is_evaluated else 'be trained on'
    parts = [f'{x.sum()} {rule}' for rule, x in rules.items() if x.any()]
    if not free.any():
        advice = _ALL_CROWDS if np.any(rules.get(_CROWD, False)) else ''
        if np.any(rules.get(_NO_MASK, False)):
            advice = _BOXES_ONLY
        if len(found.boxes) and found.boxes.max() <= 2:
            advice = _SHARES
        yield (f'none of its {len(free)} annotations of the classes can '
               f'{aim}: {first_of(parts)}.{advice}')
        return
    for rule, marked in rules.items():
        if marked.any() and rule != _IN_SMALL:  # Images have their line.
            ids = [found.records[i]['id'] for i in np.flatnonzero(marked)]
            # COCO's evaluation fails at an object without a mask.
            yield Note.unless(
                use.is_evaluated and rule == _NO_MASK,
                f'{len(ids)} annotations {rule}: ids {first_of(ids)}')
    counts = np.bincount(found.labels[free], minlength=len(classes))
    if absent := [x for x, n in zip(classes, counts) if not n]:
        yield Note(f'no object can {aim} of {len(absent)} of the '
                   f'{len(classes)} classes: {first_of(absent)}')


def check_boxes(found: Objects) -> Iterator[str]:
    """Count boxes that end outside their image or are unlike their polygons.
    """
    near, far = found.boxes[:, :2], found.boxes[:, 2:]
    slack = np.maximum(1, found.sizes / 100)
    beyond = found.is_real & (
        (far > found.sizes + slack) | (near < -slack)).any(1)
    inner = np.minimum(far, found.extents[:, 2:]) - np.maximum(
        near, found.extents[:, :2])
    common = inner.clip(0).prod(1)
    union = (far - near).prod(1) + (
        found.extents[:, 2:] - found.extents[:, :2]).prod(1) - common
    is_off = np.abs(found.boxes - found.extents).max(1, initial=0) > 2
    unlike = found.is_real & is_off & (common < union / 2)
    bad = beyond | unlike
    if not bad.any():
        return
    corners = np.hstack([near, far - near])[bad]
    looks = (corners[:, 2:] > corners[:, :2]).all() and (
        corners[:, 2:] <= (found.sizes + slack)[bad]).all()
    ids = [found.records[i]['id'] for i in np.flatnonzero(bad)]
    yield Note.unless(
        bad.mean() > 0.5, f'{len(ids)} of its {len(bad)} boxes end outside '
        f'their image ({beyond.sum()}) or are unlike their polygons '
        f'({unlike.sum()}): ids {first_of(ids)}.{_CORNERS if looks else ""}')


def images_left_out(found: Objects, images: Mapping,
                    filters: Mapping) -> Iterator[str]:
    """Count by rule the images that mmdet does not train on."""
    least = filters.get('min_size', 0)
    small = {k: x['file_name'] for k, x in images.items()
             if x['width'] < least or x['height'] < least}
    annotated = {x['image_id'] for x in found.records}
    empty = [x['file_name'] for k, x in images.items()
             if k not in annotated and k not in small
             ] if filters.get('filter_empty_gt') else []
    for rule, files in (('smaller than filter_cfg.min_size', small.values()),
                        ('no object, filter_cfg.filter_empty_gt', empty)):
        if files:
            yield Note(f'{len(files)} images are left out ({rule}): '
                       f'{first_of(files)}')
