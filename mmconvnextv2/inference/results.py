"""Predictions and the files that hold them."""
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from mmconvnextv2.files import write_text
from mmconvnextv2.images import write_image


class Prediction(NamedTuple):
    """Prediction of a model for an image.

    Attributes:
        result (dict): Values that JSON can hold.
        picture (ndarray): (H, W, 3), uint8, RGB.
        labels (ndarray, optional): (H, W), class of each pixel.
    """

    result: Dict[str, Any]
    picture: np.ndarray
    labels: Optional[np.ndarray] = None


def store(prediction: Prediction, out: Path, name: str) -> Dict[str, Any]:
    """Write the pictures of a prediction into a folder.

    Args:
        prediction (Prediction): The prediction.
        out (Path): The folder.
        name (str): File name of the pictures, without suffix.

    Returns:
        dict: The result, and the paths of the pictures in the folder.

    Raises:
        ValueError: If the result holds NaN or infinity, which JSON cannot.
    """
    json.dumps(prediction.result, allow_nan=False)
    entry = dict(result=prediction.result, picture=f'pictures/{name}.png')
    write_image(out / entry['picture'], prediction.picture)
    if prediction.labels is not None:
        entry['label_map'] = f'label_maps/{name}.png'
        # More classes than 8 bits can hold.
        kind = np.uint8 if prediction.labels.max() < 256 else np.uint16
        write_image(out / entry['label_map'], prediction.labels.astype(kind))
    return entry


def write_results(head: Dict[str, Any], entries: List[Dict[str, Any]],
                  path: Path) -> None:
    """Write a head and a line for each image as one JSON file."""
    lines = ',\n'.join(json.dumps(x, allow_nan=False) for x in entries)
    write_text(path, f'{json.dumps(head)[:-1]}, "images": [\n{lines}\n]}}\n')
