"""The channels of a layer as small squares (Figure 3)."""
from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from mmconvnextv2.images import tile

_GAP = 1  # sites between squares, drawn as NaN
# Range of the scale in percentiles, or a few extreme sites would leave the
# rest without contrast.
_DARKEST, _BRIGHTEST = 0.5, 99.5
# Name of the block, kind of its features, maps (C, H, W) in float32.
LayerMaps = Tuple[str, str, np.ndarray]


def activation_grid(maps: np.ndarray, columns: int = 8) -> np.ndarray:
    """Lay channels side by side, on one scale.

    A channel that is dead beside the others is dark throughout, one that is
    saturated is bright.

    Args:
        maps (ndarray): (C, H, W).
        columns (int): Largest number of squares in a row. Defaults to 8.

    Returns:
        ndarray: (rows * (H + 1) - 1, columns * (W + 1) - 1), from 0 to 1, NaN
        between the squares and where there is none. All 0 for maps of one
        value.
    """
    low, high = np.percentile(maps, (_DARKEST, _BRIGHTEST))
    scaled = np.clip((maps - low) / (high - low if high > low else 1.), 0, 1)
    grid = tile(scaled, min(columns, len(maps)), _GAP, np.nan)
    return grid[:-_GAP, :-_GAP]


class ActivationGrid:
    """Keep some channels of some layers for the first image seen.

    Args:
        layers (Sequence[str]): Names of blocks.
        num_channels (int): Number of channels, the first ones. Defaults to
            64.
    """

    def __init__(self, layers: Sequence[str], num_channels: int = 64) -> None:
        self.wanted = layers
        self.num_channels = num_channels
        self._maps: Dict[Tuple[str, str], np.ndarray] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Keep the features (N, H, W, C), if they are the first."""
        key = (layer, features)
        if key not in self._maps and layer in self.wanted:
            first = x[0, ..., :self.num_channels].detach().movedim(-1, 0)
            self._maps[key] = first.to('cpu', torch.float32, copy=True).numpy()

    def layers(self) -> List[LayerMaps]:
        """Return the maps of each layer, in the order first seen."""
        return [(*key, maps) for key, maps in self._maps.items()]
