"""Mean pairwise cosine distance of the channels of a layer (Figure 4)."""
import math
from typing import Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor


def cosine_distance(features: Tensor) -> Tuple[Tensor, Tensor]:
    """Compute the mean cosine distance over all pairs of channels.

    With X_i the values of a channel at all sites, and C channels that are not
    zero everywhere (ConvNeXt V2, Section 4):

    .. code-block:: text

        1 / C^2 * sum over i and j of (1 - cos(X_i, X_j)) / 2

    It is computed in float64 from the sum of the C unit vectors, whose square
    is the sum of all cosines. A dead channel, zero at every site, has no
    direction: it is left out and counted. If all are dead, the distance is
    0, as for channels that are all the same.

    Args:
        features (Tensor): (N, ..., C), sites between images and channels.

    Returns:
        tuple[Tensor, Tensor]: For each image, float64: the distance (N, ),
        from 0 for channels all alike to about 1/2 for unrelated ones; the
        share of channels that are dead (N, ).
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
    """Cosine distance of a layer over images."""

    layer: str  # name of the block
    features: str  # kind of the block's features
    channels: int
    images: int  # number of images seen
    distance: float  # mean over the images
    std: float  # standard deviation over the images
    dead: float  # mean share of channels that are zero everywhere


class CosineDistance:
    """Collect cosine distances from ``observe``, layer by layer.

    Four sums are kept for each layer, however many images there are.
    """

    def __init__(self) -> None:
        self._sums: Dict[Tuple[str, str, int], Tensor] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Add the features (N, H, W, C) of some images."""
        distance, dead = cosine_distance(x)
        key = (layer, features, x.shape[-1])
        values = (torch.ones_like(dead), distance, distance.square(), dead)
        new = torch.stack(values).sum(1).cpu()
        self._sums[key] = self._sums.get(key, 0) + new

    def layers(self) -> List[LayerDistance]:
        """Return the distance of each layer, in the order first seen."""
        found = []
        for key, sums in self._sums.items():
            count, total, squares, dead = sums.tolist()
            mean = total / count
            std = math.sqrt(max(squares / count - mean**2, 0.))
            found.append(LayerDistance(
                *key, int(count), mean, std, dead / count))
        return found
