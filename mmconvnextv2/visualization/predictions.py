"""Pictures of predictions: one colour per class, titles and a legend."""
import colorsys
from typing import Optional, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_ALPHA = 0.5  # of a class's colour over the image
_LINE = 18  # pixels, height of a line of text
_DARK, _WHITE = (30, 30, 30), (255, 255, 255)


def class_colours(num_classes: int,
                  palette: Optional[Sequence] = None) -> np.ndarray:
    """Return a colour per class.

    Args:
        num_classes (int): Number of classes.
        palette (Sequence, optional): RGB per class, as in the ``metainfo`` of
            a data set. Where it has another length, or is a name, colours of
            evenly spaced hue are taken.

    Returns:
        ndarray: (num_classes, 3), uint8.
    """
    palette = () if isinstance(palette, str) else palette or ()
    if len(palette) == num_classes:
        return np.array(palette, np.uint8).reshape(-1, 3)
    # Steps of the golden ratio keep classes that are neighbours apart.
    return np.array([[
        round(255 * x)
        for x in colorsys.hsv_to_rgb(i * 0.618034 % 1, 0.85, 0.95)
    ] for i in range(num_classes)], np.uint8).reshape(-1, 3)


def draw_label_map(image: np.ndarray, labels: np.ndarray,
                   colours: np.ndarray) -> np.ndarray:
    """Lay the colours of classes over an image.

    Args:
        image (ndarray): (H, W, 3), uint8.
        labels (ndarray): (H, W); labels without a colour are left out.
        colours (ndarray): (num_classes, 3).

    Returns:
        ndarray: (H, W, 3), uint8.
    """
    picture = image.copy()
    known = (labels >= 0) & (labels < len(colours))
    picture[known] = np.rint(_ALPHA * colours[labels[known]] +
                             (1 - _ALPHA) * image[known])
    return picture


def draw_instances(image: np.ndarray, labels: Sequence[int],
                   boxes: Sequence[Sequence[float]], colours: np.ndarray,
                   names: Sequence[str],
                   masks: Optional[Sequence[np.ndarray]] = None,
                   scores: Optional[Sequence[float]] = None) -> np.ndarray:
    """Draw boxes, and masks if there are any, with the names of the classes.

    Args:
        image (ndarray): (H, W, 3), uint8.
        labels (Sequence[int]): Label of each instance.
        boxes (Sequence): x1, y1, x2, y2 of each, in pixels.
        colours (ndarray): (num_classes, 3).
        names (Sequence[str]): Of the classes.
        masks (Sequence[ndarray], optional): (H, W), bool, of each.
        scores (Sequence[float], optional): Of each. The best is drawn last.

    Returns:
        ndarray: (H, W, 3), uint8.
    """
    order = range(len(labels)) if scores is None else np.argsort(scores)
    picture = image.copy()
    for i in () if masks is None else order:
        shown = np.where(masks[i], labels[i], -1)
        picture = draw_label_map(picture, shown, colours)
    canvas = Image.fromarray(picture)
    draw, font = ImageDraw.Draw(canvas), _font()
    for i in order:
        colour = tuple(colours[labels[i]].tolist())
        x1, y1, x2, y2 = (float(x) for x in boxes[i])
        draw.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=colour,
                       width=2)
        text = names[labels[i]]
        if scores is not None:
            text += f' {scores[i]:.2f}'
        place = draw.textbbox((x1 + 2, max(0, y1 - 15)), text, font=font)
        draw.rectangle(place, fill=colour)
        draw.text(place[:2], text, fill=_text_colour(colour), font=font,
                  anchor='lt')
    return np.asarray(canvas)


def add_title(picture: np.ndarray, title: str) -> np.ndarray:
    """Write a title of 18 pixels above a picture (H, W, 3)."""
    strip = Image.new('RGB', (picture.shape[1], _LINE), _WHITE)
    ImageDraw.Draw(strip).text((2, 2), title, fill=_DARK, font=_font())
    return np.concatenate([np.asarray(strip), picture])


def add_legend(picture: np.ndarray, labels: Sequence[int],
               colours: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Write the names of classes, each beside its colour, below a picture.

    Args:
        picture (ndarray): (H, W, 3), uint8.
        labels (Sequence[int]): Those to name, of which some may be repeated.
        colours (ndarray): (num_classes, 3).
        names (Sequence[str]): Of the classes.

    Returns:
        ndarray: (H + 18 * lines, W, 3), uint8.
    """
    width, font, x, y, entries = picture.shape[1], _font(), 4, 0, []
    for label in sorted({int(x) for x in labels if 0 <= x < len(colours)}):
        length = 24 + round(font.getlength(names[label]))
        if entries and x + length > width:
            x, y = 4, y + _LINE
        entries.append((x, y, label))
        x += length
    if not entries:
        return picture
    strip = Image.new('RGB', (width, y + _LINE), _WHITE)
    draw = ImageDraw.Draw(strip)
    for x, y, label in entries:
        draw.rectangle((x, y + 4, x + 10, y + 14),
                       fill=tuple(colours[label].tolist()))
        draw.text((x + 14, y + 2), names[label], fill=_DARK, font=font)
    return np.concatenate([picture, np.asarray(strip)])


def _font() -> ImageFont.ImageFont:
    return ImageFont.load_default(12)


def _text_colour(background: Sequence[int]) -> Sequence[int]:
    red, green, blue = background
    bright = 0.299 * red + 0.587 * green + 0.114 * blue > 140
    return _DARK if bright else _WHITE
