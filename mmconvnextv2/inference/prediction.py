"""What goes into a prediction and what comes out."""
from typing import Any, Dict, NamedTuple, Optional

import numpy as np


class Options(NamedTuple):
    """What a user may choose.

    Attributes:
        device (str, optional): Where to compute; by default a GPU if there is
            one.
        score_thr (float): Least score of a detection.
        size (int): Shorter side, in pixels, of what FCMAE reconstructs.
        seed (int): Seed of FCMAE's masks.
    """

    device: Optional[str] = None
    score_thr: float = 0.3
    size: int = 224
    seed: int = 0


class Prediction(NamedTuple):
    """What a model says of an image.

    Attributes:
        result (dict): What JSON can hold.
        picture (ndarray): (H, W, 3), uint8, RGB.
        labels (ndarray, optional): (H, W), the class of each pixel.
    """

    result: Dict[str, Any]
    picture: np.ndarray
    labels: Optional[np.ndarray] = None
