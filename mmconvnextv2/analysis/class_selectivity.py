"""Class selectivity of the units of a layer (Figure 7)."""
from typing import Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn


def class_selectivity(class_means: Tensor) -> Tensor:
    """Compute the class selectivity index (Morcos et al., arXiv 1803.06959).

    With m the largest mean activation over the classes, and r the mean over
    the other classes:

    .. code-block:: text

        (m - r) / (|m| + |r|)

    It lies between 0, all classes alike, and 1. The original has no absolute
    values; the two agree without negative means, as behind a ReLU. A unit
    that is zero for all classes has index 0.

    Args:
        class_means (Tensor): (K, U), mean activation for each class and unit.

    Returns:
        Tensor: (U, ), float64.

    Raises:
        ValueError: If there are fewer than two classes.
    """
    if len(class_means) < 2:
        raise ValueError('class selectivity needs images of at least 2 '
                         f'classes, got {len(class_means)}')
    means = class_means.detach().double()
    largest = means.amax(0)
    others = (means.sum(0) - largest) / (len(means) - 1)
    sizes = largest.abs() + others.abs()
    # Where all classes are alike, rounding may make the difference negative.
    difference = (largest - others).clamp(min=0)
    return difference / sizes.where(sizes > 0, torch.ones_like(sizes))


class LayerSelectivity(NamedTuple):
    """Selectivity of a layer."""

    layer: str  # name of the block
    features: str  # kind of the block's features
    images: int  # number of images seen
    classes: int  # number of classes seen
    index: Tensor  # (U, ), float64, of each unit


class ClassSelectivity:
    """Collect activations from ``observe``, class by class.

    The activation of a unit is its mean over the sites of an image. A sum is
    kept for each layer, class and unit, however many images there are.

    Args:
        num_classes (int): K. Labels are less than that.
        rectify (bool): Whether to count negative values as zero, site by
            site, as behind the ReLU that the index is defined for. With
            signs, means lie around zero and most indices at 1. Defaults to
            True.
    """

    def __init__(self, num_classes: int, rectify: bool = True) -> None:
        self.num_classes = num_classes
        self.rectify = rectify
        # (K, U + 1), with the number of images in the last column.
        self._sums: Dict[Tuple[str, str], Tensor] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Add the features (N, H, W, C) of images with labels (N, )."""
        x = x.detach().flatten(1, -2).double()
        if self.rectify:
            x = x.clamp(min=0)
        new = nn.functional.pad(x.mean(1), (0, 1), value=1.).cpu()
        sums = self._sums.setdefault(
            (layer, features), new.new_zeros(self.num_classes, new.shape[1]))
        sums.index_add_(0, labels.cpu(), new)

    def layers(self) -> List[LayerSelectivity]:
        """Return the selectivity of each layer, in the order first seen.

        Raises:
            ValueError: If images of fewer than two classes were seen.
        """
        found = []
        for key, sums in self._sums.items():
            counts = sums[:, -1:]
            seen = counts[:, 0] > 0
            index = class_selectivity(sums[seen, :-1] / counts[seen])
            found.append(LayerSelectivity(
                *key, int(counts.sum()), int(seen.sum()), index))
        return found
