"""Mean pairwise cosine distance of the channels of a layer (Figure 4)."""
import math
from typing import Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor


def cosine_distance(features: Tensor,
                    live_only: bool = False) -> Tuple[Tensor, Tensor]:
    """Compute the mean cosine distance over all pairs of channels.

    With X_i the values of a channel at all sites, and C channels (ConvNeXt V2,
    Section 4):

    .. code-block:: text

        1 / C^2 * sum over i and j of (1 - cos(X_i, X_j)) / 2

    It is computed in float64 from the sum of the C unit vectors, whose square
    is the sum of all cosines. A dead channel, zero at every site, has no
    direction: its cosine is 1 with a dead one and 0 with a live one, so that
    many dead channels are a collapse as many equal ones are. The paper does
    not say what it does with them.

    Args:
        features (Tensor): (N, ..., C), sites between images and channels.
        live_only (bool): Whether to leave dead channels out, of pairs and of
            C. Defaults to False.

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
    dead = x.shape[-1] - count
    cosines = units.sum(-1).square().sum(-1)
    if live_only:
        # Without a live channel 0, as for channels that are all the same.
        cosines = (cosines / count.square()).nan_to_num(nan=1.)
    else:
        cosines = (cosines + dead.square()) / x.shape[-1]**2
    return ((1 - cosines) / 2).clamp(min=0), dead / x.shape[-1]


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

    Args:
        live_only (bool): See ``cosine_distance``. Defaults to False.
    """

    def __init__(self, live_only: bool = False) -> None:
        self.live_only = live_only
        self._sums: Dict[Tuple[str, str, int], Tensor] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Add the features (N, H, W, C) of some images."""
        distance, dead = cosine_distance(x, self.live_only)
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
