"""Mean pairwise cosine distance of the channels of a layer (Figure 4)."""
import math
from typing import Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor


def cosine_distance(features: Tensor) -> Tuple[Tensor, Tensor]:
    """Mean cosine distance over all pairs of channels, for each image.

    With X_i a channel's values at all sites, and C channels that are not zero
    everywhere (ConvNeXt V2, Section 4):

    .. code-block:: text

        1 / C^2 * sum over i and j of (1 - cos(X_i, X_j)) / 2

    It is computed in float64 from the sum of the C unit vectors, whose square
    is the sum of all cosines. A dead channel, zero at every site, has no
    direction: it is left out and counted. Where all are dead the distance is
    0, as for channels that are all the same.

    Args:
        features (Tensor): (N, ..., C), sites between images and channels.

    Returns:
        tuple[Tensor, Tensor]: The distance (N, ), float64, from 0 for channels
        all alike to about 1/2 for unrelated ones; and the share of channels
        that are dead (N, ), float64.
    """
    x = features.detach().flatten(1, -2).double()
    norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    live = norms > 0
    units = x / norms.where(live, torch.ones_like(norms))
    count = live.sum(-1).flatten().double()
    cosines = units.sum(-1).square().sum(-1) / count.clamp(min=1).square()
    distance = ((1 - cosines) / 2).clamp(min=0)
    distance = distance.where(count > 0, torch.zeros_like(distance))
    return distance, 1 - count / x.shape[-1]


class LayerDistance(NamedTuple):
    """Cosine distance of a layer: mean and deviation over images.

    Attributes:
        layer (str): Name of the block.
        features (str): Which of the block's features.
        channels (int): C.
        images (int): How many were seen.
        distance (float): Mean over the images.
        std (float): Standard deviation over the images.
        dead (float): Mean share of channels that are zero everywhere.
    """

    layer: str
    features: str
    channels: int
    images: int
    distance: float
    std: float
    dead: float


class CosineDistance:
    """Collect cosine distances from ``observe``, layer by layer.

    Keeps four sums for each layer, however many images there are.
    """

    def __init__(self) -> None:
        self._sums: Dict[Tuple[str, str, int], List[float]] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Add the features (N, H, W, C) of some images."""
        distance, dead = cosine_distance(x)
        sums = self._sums.setdefault((layer, features, x.shape[-1]), [0.] * 4)
        new = (len(x), distance.sum().item(), distance.square().sum().item(),
               dead.sum().item())
        for i, value in enumerate(new):
            sums[i] += value

    def layers(self) -> List[LayerDistance]:
        """What was found, in the order in which layers were first seen."""
        return [
            _layer_distance(key, *sums) for key, sums in self._sums.items()
        ]


def _layer_distance(key: Tuple[str, str, int], count: float, total: float,
                    squares: float, dead: float) -> LayerDistance:
    layer, features, channels = key
    mean = total / count
    variance = max(squares / count - mean**2, 0.)
    return LayerDistance(layer, features, channels, int(count), mean,
                         math.sqrt(variance), dead / count)
