"""COCO, ADE20K and ImageNet layouts of the shapes data set."""
import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import cv2
import numpy as np

from .shapes_render import draw_image
from .shapes_scene import CLASSES, SUPERSAMPLING, SceneObject, place_objects

SPLITS = ('train', 'val')
# Image ids of the splits differ, as COCO's do, whatever the counts.
FIRST_IDS = {'train': 1, 'val': 500001}
_ADE_FOLDERS = {'train': 'training', 'val': 'validation'}
_TASKS = ('scene', 'crop')
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92)
_SCENE_SIDES = (128, 192)
_MAX_OBJECTS = 5
_CROP_SIDES = (96, 128)
_CROP_SIDE_RANGE = (0.4, 0.75)
# Fragments of a partly hidden object below this many pixels are left out.
_MIN_FRAGMENT = 4.
Scene = Tuple[np.ndarray, Tuple[SceneObject, ...]]


def image_rng(seed: int, split: str, task: str,
              index: int) -> np.random.Generator:
    """The generator of one image, which no other image's count changes."""
    key = (seed, SPLITS.index(split), _TASKS.index(task), index)
    return np.random.default_rng(np.random.SeedSequence(key))


def draw_scene(seed: int, split: str, index: int) -> Scene:
    """An image of 1 to 5 objects.

    Args:
        seed (int): Seed of the data set.
        split (str): 'train' or 'val'.
        index (int): Number of the image, from 0.

    Returns:
        tuple: The image, (h, w, 3), uint8, BGR, and its objects, lowest first.
    """
    rng = image_rng(seed, split, 'scene', index)
    size = tuple(int(n) for n in rng.integers(*_SCENE_SIDES, 2, endpoint=True))
    count = rng.integers(1, _MAX_OBJECTS, endpoint=True)
    labels = tuple(int(n) for n in rng.integers(len(CLASSES), size=count))
    objects = place_objects(rng, size, labels)
    return draw_image(rng, size, objects, split), objects


def draw_crop(seed: int, split: str, index: int) -> Scene:
    """An image of one large object, of class ``index % len(CLASSES)``."""
    rng = image_rng(seed, split, 'crop', index)
    size = tuple(int(n) for n in rng.integers(*_CROP_SIDES, 2, endpoint=True))
    label = index % len(CLASSES)
    objects = place_objects(rng, size, (label, ), _CROP_SIDE_RANGE)
    return draw_image(rng, size, objects, split), objects


def visible_polygons(obj: SceneObject) -> List[List[float]]:
    """What can be seen of an object, as COCO polygons: [x0, y0, x1, ...]."""
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
             size: Tuple[int, int]) -> Tuple[Dict[str, Any], np.ndarray]:
    """COCO annotation of an object, without ids, and its mask.

    Area, box and mask are what pycocotools makes of the polygons.

    Args:
        obj (SceneObject): The object.
        size (tuple[int]): (h, w) of the image in pixels.

    Returns:
        tuple: The annotation and (h, w), bool.
    """
    from pycocotools import mask as mask_utils
    polygons = visible_polygons(obj)
    rle = mask_utils.merge(mask_utils.frPyObjects(polygons, *size))
    annotation = dict(
        category_id=obj.label + 1,
        bbox=[float(v) for v in mask_utils.toBbox(rle)],
        area=float(mask_utils.area(rle)),
        iscrowd=0,
        segmentation=polygons)
    return annotation, mask_utils.decode(rle).astype(bool)


def write_split(root: Path, split: str, count: int, seed: int,
                advance: Callable[[], None]) -> None:
    """Write one split in all three layouts.

    Args:
        root (Path): Folder of the data set, which exists.
        split (str): 'train' or 'val'.
        count (int): Number of images, in the scenes and in the class folders.
        seed (int): Seed of the data set.
        advance (Callable): Called after each image.
    """
    coco, ade = root / f'{split}2017', root / 'ade'
    ade_images = ade / 'images' / _ADE_FOLDERS[split]
    ade_maps = ade / 'annotations' / _ADE_FOLDERS[split]
    for folder in (coco, ade_images, ade_maps, root / 'annotations'):
        folder.mkdir(parents=True, exist_ok=True)
    index = _empty_index()
    for i in range(count):
        image, objects = draw_scene(seed, split, i)
        path = coco / f'{FIRST_IDS[split] + i:012d}.jpg'
        cv2.imwrite(str(path), image, _JPEG)
        name = f'ADE_{split}_{i + 1:08d}'
        _link(path, ade_images / f'{name}.jpg')
        seg_map = _index_image(index, FIRST_IDS[split] + i, path.name, objects,
                               image.shape[:2])
        cv2.imwrite(str(ade_maps / f'{name}.png'), seg_map)
        advance()
    text = json.dumps(index)
    (root / 'annotations' / f'instances_{split}2017.json').write_text(text)
    _write_class_folders(root / 'imagenet' / split, split, count, seed,
                         advance)


def _write_class_folders(root: Path, split: str, count: int, seed: int,
                         advance: Callable[[], None]) -> None:
    """Write the images of one object each, one folder per class."""
    for name in CLASSES:
        (root / name).mkdir(parents=True)
    for i in range(count):
        image, objects = draw_crop(seed, split, i)
        name = CLASSES[objects[0].label]
        cv2.imwrite(str(root / name / f'{name}_{i + 1:06d}.jpg'), image, _JPEG)
        advance()


def _index_image(index: Dict[str, Any], image_id: int, file_name: str,
                 objects: Tuple[SceneObject, ...],
                 size: Tuple[int, int]) -> np.ndarray:
    """Add an image to a COCO index; returns its semantic map, uint8."""
    index['images'].append(
        dict(
            id=image_id,
            file_name=file_name,
            height=size[0],
            width=size[1],
            license=1,
            date_captured='2025-01-01 00:00:00'))
    seg_map = np.full(size, len(CLASSES) + 1, np.uint8)
    for obj in objects:
        annotation, mask = annotate(obj, size)
        seg_map[mask] = annotation['category_id']
        number = len(index['annotations']) + 1
        index['annotations'].append(
            dict(id=number, image_id=image_id, **annotation))
    return seg_map


def _empty_index() -> Dict[str, Any]:
    """A COCO index of no images."""
    return dict(
        info=dict(description='Generated shapes', version='1.0', year=2025),
        licenses=[dict(id=1, name='Apache-2.0', url='')],
        images=[],
        annotations=[],
        categories=[
            dict(id=i + 1, name=name, supercategory='shape')
            for i, name in enumerate(CLASSES)
        ])


def _link(source: Path, target: Path) -> None:
    """Hard link a file, or copy it where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
