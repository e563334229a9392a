"""Write what models say of images."""
import json
from pathlib import Path
from typing import Any, Dict, List

import cv2
import numpy as np

from mmconvnextv2.files import write_text
from .prediction import Prediction


def save_image(path: Path, pixels: np.ndarray) -> None:
    """Write an image; its folder is made.

    Args:
        path (Path): Where to.
        pixels (ndarray): (H, W) or (H, W, 3), RGB, uint8.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), pixels[..., ::-1] if pixels.ndim ==
                       3 else pixels):
        raise OSError(f'{path} cannot be written')


def store(prediction: Prediction, out: Path, name: str) -> Dict[str, Any]:
    """Write an image's pictures; returns its entry in the JSON file."""
    # Not a number, from a model gone wrong, is no JSON.
    json.dumps(prediction.result, allow_nan=False)
    entry: Dict[str, Any] = dict(result=prediction.result)
    entry['picture'] = f'pictures/{name}.png'
    save_image(out / entry['picture'], prediction.picture)
    if prediction.labels is not None:
        entry['label_map'] = f'label_maps/{name}.png'
        save_image(out / entry['label_map'],
                   prediction.labels.astype(np.uint8))
    return entry


def write_json(head: Dict[str, Any], entries: List[Dict[str, Any]],
               path: Path) -> None:
    """Write a JSON file whole, with a line for each image."""
    lines = ',\n'.join(json.dumps(x, allow_nan=False) for x in entries)
    text = f'{json.dumps(head)[:-1]}, "images": [\n{lines}\n]}}\n'
    write_text(path, text)
