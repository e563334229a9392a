"""What mmdet leaves out of an annotation file in COCO's format."""
from collections import defaultdict
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .findings import Findings, listed

# Of a box's pixels, across or down, at least.
_MIN_SIDE = 1


class CocoUse(NamedTuple):
    """How an annotation file will be used.

    Attributes:
        classes (Sequence[str], optional): Names of the classes.
        image_dir (str): Folder of the images.
        with_mask (bool): Whether masks are loaded.
        is_training (bool): Whether for training.
        filter_empty_gt (bool): Whether images without objects are left out.
        min_size (int): Pixels of an image's shorter side, at least.
        needs_annotations (bool): Whether a file of images alone is of no use.
    """

    classes: Optional[Sequence[str]]
    image_dir: str
    with_mask: bool = False
    is_training: bool = True
    filter_empty_gt: bool = False
    min_size: int = 0
    needs_annotations: bool = True


def left_out(path: str, records: Mapping[str, List[dict]],
             images: Mapping[Any, dict], categories: Mapping[int, str],
             use: CocoUse) -> Findings:
    """Say what mmdet does without in training, by its own rules.

    Args:
        path (str): The annotation file.
        records (Mapping[str, list[dict]]): What it holds.
        images (Mapping[Any, dict]): Its images by id.
        categories (Mapping[int, str]): Names of its categories by id.
        use (CocoUse): What it is for.

    Returns:
        Findings: Notes; a problem if no image is left.
    """
    findings = Findings()
    out: Dict[str, List[Any]] = defaultdict(list)
    kept, annotated = set(), set()
    for ann in records['annotations']:
        if use.classes and categories[ann['category_id']] not in use.classes:
            continue
        annotated.add(ann['image_id'])
        reason = _why_left_out(ann, images[ann['image_id']])
        if reason:
            out[reason].append(ann['id'])
            continue
        kept.add(ann['image_id'])
        if use.with_mask and not _has_mask(ann.get('segmentation')):
            out['ignored, as their mask has no polygon of 3 points'].append(
                ann['id'])
    for reason, ids in out.items():
        findings.notes.append(f'{path}: {len(ids)} of its '
                              f'{len(records["annotations"])} annotations '
                              f'are {reason}: ids {listed(ids)}')
    _note_images(path, images, kept, annotated, use, findings)
    return findings


def _why_left_out(ann: dict, image: dict) -> Optional[str]:
    x, y, width, height = ann['bbox']
    if width < _MIN_SIDE or height < _MIN_SIDE:
        return 'left out, as their box is narrower or lower than one pixel'
    if x + width <= 0 or y + height <= 0 or x >= image['width'] \
            or y >= image['height']:
        return 'left out, as their box lies outside of the image'
    if ann['area'] <= 0:
        return 'left out, as their area is not positive'
    return None


def _has_mask(mask: Any) -> bool:
    if isinstance(mask, dict):
        return isinstance(mask.get('counts'), (list, str)) and 'size' in mask
    return any(len(x) >= 6 and len(x) % 2 == 0 for x in mask or ())


def _note_images(path: str, images: Mapping[Any, dict], kept: set,
                 annotated: set, use: CocoUse, findings: Findings) -> None:
    groups: Dict[str, List[str]] = defaultdict(list)
    remaining = 0
    for key, image in images.items():
        name = image['file_name']
        if min(image['width'], image['height']) < use.min_size:
            groups['left out, as a side is shorter than filter_cfg.min_size='
                   f'{use.min_size}'].append(name)
        elif key not in annotated and use.filter_empty_gt:
            groups['left out, as they have no objects '
                   '(filter_cfg.filter_empty_gt)'].append(name)
        else:
            remaining += 1
            if key not in kept:
                groups['trained on as background, as no object is left in '
                       'them'].append(name)
    for reason, names in groups.items():
        findings.notes.append(f'{path}: {len(names)} of its {len(images)} '
                              f'images are {reason}: {listed(names)}')
    if not remaining:
        findings.problems.append(
            f'{path}: no image is left to train on. ' +
            ' '.join(x.rpartition(f'{path}: ')[2] + '.'
                     for x in findings.notes))
