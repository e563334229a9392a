"""Draw textured objects on cluttered backgrounds."""

import cv2
import numpy as np

from .shapes_backgrounds import crop_photograph, draw_background
from .shapes_scene import CLASSES, SUPERSAMPLING, SceneObject, fill_outline

_TEXTURES = ('stripes', 'dots', 'checks', 'noise', 'gradient', 'photograph')
# What is typical of each class besides its outline, as in photographs: a
# texture, and a hue (0 to 180, with its standard deviation below).
_TYPICAL = dict(
    circle=('dots', 0), cross=('noise', 36), square=('stripes', 72),
    star=('gradient', 108), triangle=('checks', 144))
_HUE_DEVIATION = 12.
_TYPICAL_PROBABILITY = 0.9
# Least distance between the mean colours of an object and what it covers, on
# the 0 to 255 scale. The others are dull: brought halfway to what they cover.
_COLOUR_DISTANCE = 70.
_DULL_PROBABILITY = 0.05
_EDGE_PROBABILITY = 0.75
# Largest standard deviation of the noise over the finished image.
_NOISE = 5.


def draw_image(rng: np.random.Generator, size: tuple[int, int],
               objects: tuple[SceneObject, ...], split: str) -> np.ndarray:
    """Draw the objects, lowest first, into an (h, w, 3), uint8, BGR image."""
    image = draw_background(rng, size, split)
    for obj in objects:
        image = _draw_object(rng, image, obj, split)
    image = image + rng.normal(0, rng.uniform(0, _NOISE), image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _draw_object(rng: np.random.Generator, image: np.ndarray, obj: SceneObject,
                 split: str) -> np.ndarray:
    """Draw an object on a copy of an image, (h, w, 3), float."""
    size = image.shape[:2]
    alpha = _shrink(fill_outline(obj.outline, size))
    x0, y0 = np.floor(obj.outline.min(0)).astype(int)
    x1, y1 = np.ceil(obj.outline.max(0)).astype(int)
    box = slice(y0, y1), slice(x0, x1)
    texture = _draw_texture(rng, CLASSES[obj.label], image[box], split)
    alpha = alpha[box][..., None]
    if rng.random() < _EDGE_PROBABILITY:
        edge = _edge(rng, obj.outline, size)[box][..., None]
        texture = texture * (1 - edge) + _edge_colour(rng, texture) * edge
    image = image.copy()
    image[box] = image[box] * (1 - alpha) + texture * alpha
    return image


def _shrink(mask: np.ndarray) -> np.ndarray:
    """Turn a fine mask into the covered share of each pixel, 0 to 1."""
    size = [n // SUPERSAMPLING for n in mask.shape[::-1]]
    return cv2.resize(
        mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _edge(rng: np.random.Generator, outline: np.ndarray,
          size: tuple[int, int]) -> np.ndarray:
    """Draw the opacity of a line along the outline: (H, W), 0 to 1."""
    mask = np.zeros([n * SUPERSAMPLING for n in size], np.uint8)
    points = np.rint(outline * SUPERSAMPLING - 0.5).astype(np.int32)
    # Half of the line lies outside the object, where it is not drawn.
    width = 2 * SUPERSAMPLING * rng.uniform(0.8, 1.6)
    cv2.polylines(mask, [points], True, 255, int(width))
    return _shrink(mask) * rng.uniform(0.5, 1.)


def _edge_colour(rng: np.random.Generator, texture: np.ndarray) -> np.ndarray:
    """Mix a darker relative of a light texture, mostly, or the reverse."""
    mean = texture.mean((0, 1))
    dark = mean.mean() > 90 if rng.random() < 0.8 else mean.mean() < 165
    return mean * 0.3 if dark else 255 - (255 - mean) * 0.35


def _draw_texture(rng: np.random.Generator, name: str, covered: np.ndarray,
                  split: str) -> np.ndarray:
    """Draw a texture unlike what it covers: (h, w, 3), float32."""
    size = covered.shape[:2]
    below = covered.mean((0, 1))
    is_dull = rng.random() < _DULL_PROBABILITY
    kind, hue = _TYPICAL[name]
    if rng.random() >= _TYPICAL_PROBABILITY:
        kind, hue = _TEXTURES[rng.integers(len(_TEXTURES))], None
    pattern = _draw_pattern(rng, kind, size, split)
    for _ in range(20):
        first, second = _draw_colours(rng, hue)
        texture = first + (second - first) * pattern
        if is_dull:
            texture = (texture + below) / 2
            break
        if np.linalg.norm(texture.mean((0, 1)) - below) >= _COLOUR_DISTANCE:
            break
    return np.clip(texture, 0, 255)


def _draw_colours(rng: np.random.Generator,
                  hue: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Draw two colours, the second a relative of the first."""
    hsv = rng.uniform((0, 60, 70), (180, 255, 255))
    if hue is not None:
        hsv[0] = rng.normal(hue, _HUE_DEVIATION) % 180
    hsv = hsv[None, None].astype(np.uint8)
    first = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)
    goal = 0. if first.mean() > 110 else 255.
    second = first + (goal - first) * rng.uniform(0.45, 0.85)
    return first, second + rng.normal(0, 20, 3).astype(np.float32)


def _draw_pattern(rng: np.random.Generator, kind: str, size: tuple[int, int],
                  split: str) -> np.ndarray:
    """Draw the share of the second colour: (h, w, 1), 0 to 1."""
    if kind == 'photograph':
        return _stretch(crop_photograph(rng, size, split).mean(2))
    if kind == 'noise':
        grey = rng.random(size, np.float32)
        return _stretch(cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.6, 2.)))
    y, x = np.mgrid[:size[0], :size[1]].astype(np.float32)
    angle, phase = rng.uniform(0, 2 * np.pi, 2)
    u = x * np.cos(angle) + y * np.sin(angle)
    v = y * np.cos(angle) - x * np.sin(angle)
    if kind == 'gradient':
        return _stretch(u)
    scale = 2 * np.pi / rng.uniform(5, 11)
    wave = np.sin(scale * u + phase)
    if kind == 'checks':
        wave = 2 * wave * np.sin(scale * v + phase)
    if kind == 'dots':
        wave = 1.6 * (wave + np.sin(scale * v + phase)) - 0.8
    return np.clip(0.5 + 1.5 * wave, 0, 1)[..., None]


def _stretch(grey: np.ndarray) -> np.ndarray:
    """Bring the values of a map (h, w) to 0 to 1: (h, w, 1)."""
    low, high = float(grey.min()), float(grey.max())
    return ((grey - low) / max(high - low, 1e-6))[..., None]
