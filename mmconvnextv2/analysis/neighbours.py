"""Classes of the nearest images: what features tell without training."""
import torch
from torch import Tensor, nn

from .images import Images, batches
from .models import Model

_TEMPERATURE = 0.07
_CHUNK = 256  # queries that are compared at a time


def nearest_neighbours(features: Tensor, labels: Tensor, queries: Tensor,
                       k: int) -> Tensor:
    """Classify by the k nearest of known features (arXiv 1805.01978).

    Each votes for its class, with exp(s / 0.07), s its cosine similarity.

    Args:
        features (Tensor): (M, C), of known classes.
        labels (Tensor): (M, ), int64, these classes.
        queries (Tensor): (N, C). The result has a class for each.
        k (int): Number of votes, from 1 to M, or ValueError is raised.
    """
    if not 1 <= k <= len(features):
        raise ValueError(f'k must be from 1 to {len(features)}, the number of '
                         f'known images, got {k}')
    units, found = nn.functional.normalize(features), []
    for part in nn.functional.normalize(queries).split(_CHUNK):
        near = (part @ units.T).topk(k)
        votes = part.new_zeros(len(part), int(labels.max()) + 1)
        votes.scatter_add_(1, labels[near.indices],
                           (near.values / _TEMPERATURE).exp())
        found.append(votes.argmax(1))
    return torch.cat(found)


@torch.no_grad()
def encode(model: Model, images: Images, size: int, batch_size: int) -> Tensor:
    """Average the last features of each image over its sites: (N, C)."""
    found = []
    for batch in batches(images, model.preprocess, size, batch_size):
        x = model.backbone(batch.inputs)[-1]
        found.append(x.flatten(2).mean(-1) if x.ndim == 4 else x)
    return torch.cat(found).float().cpu()
