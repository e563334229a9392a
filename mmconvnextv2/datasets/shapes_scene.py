"""Place objects in an image, and find what of each can be seen."""
from dataclasses import dataclass

import cv2
import numpy as np

# In alphabetical order: class folders are numbered by it.
CLASSES = ('circle', 'cross', 'square', 'star', 'triangle')
# RGB.
PALETTE = ((220, 60, 60), (170, 90, 210), (60, 160, 230), (245, 190, 40),
           (70, 190, 90))
# In segmentation the background is a class of its own, the last one.
SEG_CLASSES = CLASSES + ('background', )
SEG_PALETTE = PALETTE + ((128, 128, 128), )

# Masks are drawn this much finer than the image, for smooth outlines.
SUPERSAMPLING = 4
SIDE_RANGE = (0.10, 0.45)
MIN_VISIBLE_FRACTION = 0.5
MIN_VISIBLE_AREA = 40.
_MARGIN = 1.
_MAX_TRIES = 30


@dataclass(frozen=True)
class SceneObject:
    """An object, and what of it is not hidden by the objects above it."""

    label: int  # index into CLASSES
    # (K, 2), float, x and y in pixels, of the whole object; pixel (0, 0)
    # covers [0, 1) x [0, 1).
    outline: np.ndarray
    # (H * S, W * S), uint8, 255 where the object can be seen, for an image of
    # (H, W) and S = SUPERSAMPLING.
    visible: np.ndarray


def unit_outline(label: int) -> np.ndarray:
    """Outline a class within the unit circle, upright: (K, 2), float."""
    name = CLASSES[label]
    if name == 'cross':
        # By 1 the half width of an arm is meant, by 3 its length.
        offsets = np.array([0., 0.34, 0., 1.])
        x = np.array([-1, 1, 1, 3, 3, 1, 1, -1, -1, -3, -3, -1])
        y = np.array([-3, -3, -1, -1, 1, 1, 3, 3, 1, 1, -1, -1])
        corners = np.stack([x, y], axis=1)
        return np.sign(corners) * offsets[abs(corners)]
    count = {'circle': 64, 'square': 4, 'triangle': 3, 'star': 10}[name]
    angle = np.arange(count) * (2 * np.pi / count) - np.pi / 2
    radius = np.ones(count)
    if name == 'star':
        radius[1::2] = 0.44
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]


def place_outline(rng: np.random.Generator, label: int, size: tuple[int, int],
                  side_range: tuple[float, float]) -> np.ndarray:
    """Stretch, turn and place the outline of a class: (K, 2), in pixels.

    ``side_range`` bounds the longer side of the object's box, as fractions of
    the shorter side of the image of ``size`` (h, w).
    """
    points = unit_outline(label)
    points = points * np.array([1., rng.uniform(0.8, 1.)])
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    points = points @ np.array([[cos, sin], [-sin, cos]])
    points = points - points.min(0)
    # The root makes large objects the more frequent ones.
    low, high = side_range
    side = (low + (high - low) * np.sqrt(rng.random())) * min(size)
    points = points * (side / points.max())
    room = np.array(size[::-1]) - points.max(0) - 2 * _MARGIN
    return points + _MARGIN + rng.uniform(0, 1, 2) * room


def fill_outline(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Rasterise an outline: (H * S, W * S), uint8, 0 or 255."""
    mask = np.zeros([n * SUPERSAMPLING for n in size], np.uint8)
    bits = 4
    # cv2 counts from the centre of the first pixel, outlines from its corner.
    points = (outline * SUPERSAMPLING - 0.5) * (1 << bits)
    cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255, shift=bits)
    return mask


def place_objects(rng: np.random.Generator, size: tuple[int, int],
                  labels: tuple[int, ...],
                  side_range: tuple[float, float]) -> tuple[SceneObject, ...]:
    """Place objects of some classes in an image, each above those before it.

    An object for which no place is found where it hides nothing too far is
    left out; the first always fits.
    """
    objects: tuple[SceneObject, ...] = ()
    for label in labels:
        for _ in range(_MAX_TRIES):
            outline = place_outline(rng, label, size, side_range)
            grown = _add(objects, label, outline, size)
            if grown is not None:
                objects = grown
                break
    return objects


def _add(objects: tuple[SceneObject, ...], label: int, outline: np.ndarray,
         size: tuple[int, int]) -> tuple[SceneObject, ...] | None:
    """Put an object on top; None if too little of one would be seen."""
    mask = fill_outline(outline, size)
    below = tuple(
        SceneObject(o.label, o.outline, cv2.bitwise_and(o.visible, ~mask))
        for o in objects)
    objects = below + (SceneObject(label, outline, mask), )
    return objects if all(map(_is_fair, objects)) else None


def _is_fair(obj: SceneObject) -> bool:
    """Say whether enough is visible, without a hole: polygons have none."""
    area = cv2.countNonZero(obj.visible) / SUPERSAMPLING**2
    # The outline's own area, by the shoelace formula.
    whole = cv2.contourArea(obj.outline.astype(np.float32))
    # The margins cover what rounding to whole pixels takes later.
    if area < max(1.15 * MIN_VISIBLE_AREA,
                  (MIN_VISIBLE_FRACTION + 0.05) * whole):
        return False
    _, hierarchy = cv2.findContours(obj.visible, cv2.RETR_CCOMP,
                                    cv2.CHAIN_APPROX_SIMPLE)
    return bool((hierarchy[0, :, 3] < 0).all())
