"""COCO, ADE20K and ImageNet layouts of the shapes data set."""
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .shapes_render import draw_image
from .shapes_scene import (
    CLASSES,
    SIDE_RANGE,
    SUPERSAMPLING,
    SceneObject,
    place_objects,
)

SPLITS = ('train', 'val')
# Image ids of the splits differ, as COCO's do, whatever the counts.
FIRST_IDS = {'train': 1, 'val': 500001}
_ADE_FOLDERS = {'train': 'training', 'val': 'validation'}
_SIDES = {'scene': (128, 192), 'crop': (96, 128)}
_TASKS = tuple(_SIDES)
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92)
_MAX_OBJECTS = 5
_CROP_SIDE_RANGE = (0.4, 0.75)
# Fragments of a partly hidden object below this many pixels are left out.
_MIN_FRAGMENT = 4.
Scene = tuple[np.ndarray, tuple[SceneObject, ...]]
Size = tuple[int, int]


def image_rng(seed: int, split: str, task: str,
              index: int) -> np.random.Generator:
    """Seed the generator of one image, whatever the number of images."""
    key = (seed, SPLITS.index(split), _TASKS.index(task), index)
    return np.random.default_rng(np.random.SeedSequence(key))


def draw(seed: int, split: str, task: str, index: int) -> Scene:
    """Draw a scene of 1 to 5 objects or a crop of one, of classes in turn.

    Returns an image (h, w, 3), uint8, BGR, and the objects, lowest first.
    """
    rng = image_rng(seed, split, task, index)
    height, width = map(int, rng.integers(*_SIDES[task], 2, endpoint=True))
    labels, sides = (index % len(CLASSES), ), _CROP_SIDE_RANGE
    if task == 'scene':
        count = rng.integers(1, _MAX_OBJECTS, endpoint=True)
        labels, sides = tuple(
            map(int, rng.integers(len(CLASSES), size=count))), SIDE_RANGE
    objects = place_objects(rng, (height, width), labels, sides)
    return draw_image(rng, (height, width), objects, split), objects


def visible_polygons(obj: SceneObject) -> list[list[float]]:
    """Outline what is seen of an object in COCO polygons [x0, y0, ...]."""
    contours, _ = cv2.findContours(obj.visible, cv2.RETR_EXTERNAL,
                                   cv2.CHAIN_APPROX_NONE)
    polygons = []
    for contour in contours:
        if cv2.contourArea(contour) >= _MIN_FRAGMENT * SUPERSAMPLING**2:
            contour = cv2.approxPolyDP(contour, 1., True)
            points = (contour.reshape(-1) + 0.5) / SUPERSAMPLING
            polygons.append([round(float(p), 2) for p in points])
    return polygons


def annotate(obj: SceneObject,
             size: Size) -> tuple[dict[str, Any], np.ndarray]:
    """Annotate an object as COCO does, without ids; also give its mask.

    Area, box and mask (h, w), bool, are what pycocotools makes of polygons.
    """
    from pycocotools import mask as mask_utils
    polygons = visible_polygons(obj)
    rle = mask_utils.merge(mask_utils.frPyObjects(polygons, *size))
    annotation = dict(
        category_id=obj.label + 1, bbox=mask_utils.toBbox(rle).tolist(),
        area=float(mask_utils.area(rle)), iscrowd=0, segmentation=polygons)
    return annotation, mask_utils.decode(rle).astype(bool)


def write_split(root: Path, split: str, count: int, seed: int,
                advance: Callable[[], None]) -> None:
    """Write ``count`` scenes and as many crops of a split, in all layouts."""
    coco, annotations = root / f'{split}2017', root / 'annotations'
    ade_images, ade_maps = (root / 'ade' / kind / _ADE_FOLDERS[split]
                            for kind in ('images', 'annotations'))
    classes = [root / 'imagenet' / split / name for name in CLASSES]
    for folder in (coco, ade_images, ade_maps, annotations, *classes):
        folder.mkdir(parents=True, exist_ok=True)
    index = dict(
        info=dict(description='Generated shapes', version='1.0', year=2025),
        licenses=[dict(id=1, name='Apache-2.0', url='')],
        images=[], annotations=[], categories=[
            dict(id=i, name=name, supercategory='shape')
            for i, name in enumerate(CLASSES, 1)])
    for i in range(count):
        image, objects = draw(seed, split, 'scene', i)
        path = coco / f'{FIRST_IDS[split] + i:012d}.jpg'
        cv2.imwrite(str(path), image, _JPEG)
        name = f'ADE_{split}_{i + 1:08d}'
        shutil.copyfile(path, ade_images / f'{name}.jpg')
        seg_map = _index_image(index, path, objects, image.shape[:2])
        cv2.imwrite(str(ade_maps / f'{name}.png'), seg_map)
        image, (obj, ) = draw(seed, split, 'crop', i)
        folder = classes[obj.label]
        path = folder / f'{folder.name}_{i + 1:06d}.jpg'
        cv2.imwrite(str(path), image, _JPEG)
        advance()
    path = annotations / f'instances_{split}2017.json'
    path.write_text(json.dumps(index))


def _index_image(index: dict[str, Any], path: Path,
                 objects: tuple[SceneObject, ...], size: Size) -> np.ndarray:
    """Add an image to a COCO index; return its semantic map, uint8."""
    image_id = int(path.stem)
    index['images'].append(dict(
        id=image_id, file_name=path.name, height=size[0], width=size[1],
        license=1, date_captured='2025-01-01 00:00:00'))
    seg_map = np.full(size, len(CLASSES) + 1, np.uint8)
    for obj in objects:
        annotation, mask = annotate(obj, size)
        seg_map[mask] = annotation['category_id']
        number = len(index['annotations']) + 1
        index['annotations'].append(
            dict(id=number, image_id=image_id, **annotation))
    return seg_map
