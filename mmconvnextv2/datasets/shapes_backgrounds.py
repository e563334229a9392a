"""Cluttered, photograph-like backgrounds for the shapes data set.

They are cropped from photographs that scikit-image and scikit-learn ship, the
training split from the left of each, the validation split from the right. The
packages are not imported and nothing is downloaded. Without these packages,
the backgrounds are coloured noise of many scales.
"""
import importlib.util
from functools import cache
from pathlib import Path

import cv2
import numpy as np

# Package, folder and files; none shows one of the classes clearly.
_PHOTOGRAPHS = (
    ('skimage', 'data', 'chelsea.png coffee.png rocket.jpg camera.png ihc.png '
     'grass.png gravel.png brick.png'),
    ('sklearn', 'datasets/images', 'china.jpg flower.jpg'))
# Fractions of a photograph's width from which each split takes its crops.
_COLUMNS = {'train': (0., 0.6), 'val': (0.6, 1.)}
_PHOTO_PROBABILITY = 0.8


@cache
def find_photographs() -> tuple[Path, ...]:
    """Find the photographs that installed packages ship, maybe none."""
    paths = []
    for package, folder, names in _PHOTOGRAPHS:
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            root = Path(spec.origin).parent / folder
            paths += [root / name for name in names.split()]
    return tuple(x for x in paths if x.is_file())


@cache
def _read_photograph(path: Path, split: str) -> np.ndarray:
    """Read the part of a photograph that is of a split: (H, W, 3), BGR."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    start, stop = (round(c * image.shape[1]) for c in _COLUMNS[split])
    return image[:, start:stop]


def crop_photograph(rng: np.random.Generator, size: tuple[int, int],
                    split: str) -> np.ndarray:
    """Crop (h, w, 3), float32, BGR, 0 to 255; or noise without photographs.

    The splits 'train' and 'val' share no part of a photograph.
    """
    paths = find_photographs()
    if not paths:
        return draw_clouds(rng, size)
    image = _read_photograph(paths[rng.integers(len(paths))], split)
    # Photograph pixels per pixel of the result.
    zoom = min(rng.uniform(0.7, 2.),
               *(have / want for have, want in zip(image.shape[:2], size)))
    h, w = (max(1, int(n * zoom)) for n in size)
    y = rng.integers(image.shape[0] - h + 1)
    x = rng.integers(image.shape[1] - w + 1)
    crop = image[y:y + h, x:x + w]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    return cv2.resize(np.ascontiguousarray(crop), size[::-1],
                      interpolation=cv2.INTER_AREA).astype(np.float32)


def draw_clouds(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Draw coloured noise of many scales: (h, w, 3), float32, 0 to 255."""
    image = np.zeros((*size, 3), np.float32)
    for octave in range(5):
        cells = 2**(octave + 1)
        noise = rng.random((cells + 1, cells + 1, 4), np.float32) - 0.5
        # Photographs vary more in brightness than in colour.
        noise = noise[..., :3] * 0.4 + noise[..., 3:]
        image += cv2.resize(
            noise, size[::-1], interpolation=cv2.INTER_CUBIC) / 1.6**octave
    colour = rng.uniform(60, 190, 3)
    return np.clip(image * 130 + colour, 0, 255).astype(np.float32)


def draw_background(rng: np.random.Generator, size: tuple[int, int],
                    split: str) -> np.ndarray:
    """Draw a cluttered background: (h, w, 3), float32, BGR, 0 to 255."""
    image = crop_photograph(rng, size, split) \
        if rng.random() < _PHOTO_PROBABILITY else draw_clouds(rng, size)
    mean = image.mean((0, 1))
    image = (image - mean) * rng.uniform(0.55, 0.95) + mean
    image = image * rng.uniform(0.8, 1.15, 3) + rng.uniform(-15, 15)
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5))
    image = np.clip(image, 0, 255).astype(np.float32)
    for _ in range(rng.integers(2, 8)):
        image = _draw_distractor(rng, image)
    return image


def _draw_distractor(rng: np.random.Generator,
                     image: np.ndarray) -> np.ndarray:
    """Blend in an open line, an arc or a long ragged blob."""
    layer, side = image.copy(), min(image.shape[:2])
    colour = tuple(rng.uniform(20, 235, 3))
    kind = rng.integers(3)
    centre = rng.uniform(0, 1, 2) * image.shape[1::-1]
    if kind == 0:
        steps = rng.normal(0, 0.12 * side, (rng.integers(2, 6), 2))
        points = np.rint(centre + steps.cumsum(0)).astype(np.int32)
        cv2.polylines(layer, [points], False, colour, int(rng.integers(1, 4)),
                      cv2.LINE_AA)
    elif kind == 1:
        axes = rng.uniform(0.05, 0.4, 2) * side
        start = rng.uniform(0, 360)
        cv2.ellipse(layer, [int(c) for c in centre], [int(a) for a in axes],
                    rng.uniform(0, 180), start, start + rng.uniform(40, 160),
                    colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    else:
        cv2.fillPoly(layer, [_ragged_outline(rng, centre, side)], colour,
                     cv2.LINE_AA)
        layer = cv2.GaussianBlur(layer, (0, 0), 1.)
    alpha = rng.uniform(0.3, 0.8)
    return image * (1 - alpha) + layer * alpha


def _ragged_outline(rng: np.random.Generator, centre: np.ndarray,
                    image_side: int) -> np.ndarray:
    """Outline a long blob without symmetry: (K, 2), int32."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radius = 1 + sum(
        rng.uniform(0.1, 0.3) * np.sin(k * angle + rng.uniform(0, 6.3))
        for k in (2, 3, 5))
    points = np.stack([np.cos(angle), 0.35 * np.sin(angle)], 1)
    turn = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    points = points * radius[:, None] @ np.array([[cos, sin], [-sin, cos]])
    points = points * rng.uniform(0.05, 0.25) * image_side
    return np.rint(centre + points).astype(np.int32)
