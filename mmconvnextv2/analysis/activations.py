"""The channels of a layer as small squares (Figure 3)."""
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

_GAP = 1  # sites between squares, drawn as NaN
# Of all sites and channels that are shown. A few sites would else leave the
# rest without contrast.
_DARKEST, _BRIGHTEST = 0.5, 99.5  # percent


def activation_grid(maps: np.ndarray, columns: int = 8) -> np.ndarray:
    """Lay channels side by side, on one scale.

    The scale is common to all: a channel that is dead beside the others is
    dark, and one that is saturated bright, all over.

    Args:
        maps (ndarray): (C, H, W).
        columns (int): How many in a row at most. Defaults to 8.

    Returns:
        ndarray: (rows * (H + 1) - 1, columns * (W + 1) - 1), from 0 to 1, NaN
        between the squares and where there is none; 0 throughout for maps of
        one value.
    """
    low, high = np.percentile(maps, (_DARKEST, _BRIGHTEST))
    scaled = np.clip((maps - low) / (high - low if high > low else 1.), 0, 1)
    count, height, width = maps.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    cell = (height + _GAP, width + _GAP)
    canvas = np.full((rows * cell[0], columns * cell[1]), np.nan)
    for index, square in enumerate(scaled):
        top, left = index // columns * cell[0], index % columns * cell[1]
        canvas[top:top + height, left:left + width] = square
    return canvas[:-_GAP, :-_GAP]


class ChannelMap(NamedTuple):
    """A channel's activation at every site of an image.

    Attributes:
        layer (str): Name of the block.
        features (str): Which of the block's features.
        channel (int): Which channel.
        map (ndarray): (H, W), float32.
    """

    layer: str
    features: str
    channel: int
    map: np.ndarray


class ActivationGrid:
    """Keep some channels of some layers for the first image seen.

    Args:
        layers (Sequence[str], optional): Names of blocks. Defaults to None,
            all.
        num_channels (int): How many channels of each, the first ones.
            Defaults to 64.
    """

    def __init__(self,
                 layers: Optional[Sequence[str]] = None,
                 num_channels: int = 64) -> None:
        self.wanted = layers
        self.num_channels = num_channels
        self.maps: Dict[Tuple[str, str], np.ndarray] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Take the features (N, H, W, C), if they are the first."""
        key = (layer, features)
        if key in self.maps or not (self.wanted is None
                                    or layer in self.wanted):
            return
        first = x[0, ..., :self.num_channels].detach().movedim(-1, 0)
        self.maps[key] = first.to('cpu', torch.float32, copy=True).numpy()

    def layers(self) -> Tuple[ChannelMap, ...]:
        """What was kept, channel by channel."""
        return tuple(
            ChannelMap(layer, features, channel, square)
            for (layer, features), maps in self.maps.items()
            for channel, square in enumerate(maps))
