"""Class selectivity of the units of a layer (Figure 7)."""
from typing import Dict, List, NamedTuple, Tuple

import torch
from torch import Tensor


def class_selectivity(class_means: Tensor) -> Tensor:
    """Class selectivity index of units (Morcos et al., arXiv 1803.06959).

    With m the largest mean activation over the classes, and r the mean over
    the other classes:

    .. code-block:: text

        (m - r) / (|m| + |r|)

    It lies between 0, all classes alike, and 1. Without negative means, as
    behind a ReLU, it is the original, which has no absolute values. A unit
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
    # All classes alike may differ by rounding.
    difference = (largest - others).clamp(min=0)
    return difference / sizes.where(sizes > 0, torch.ones_like(sizes))


class LayerSelectivity(NamedTuple):
    """Selectivity of a layer.

    Attributes:
        layer (str): Name of the block.
        features (str): Which of the block's features.
        images (int): How many were seen.
        classes (int): Of how many classes.
        index (Tensor): (U, ), float64, of each unit.
    """

    layer: str
    features: str
    images: int
    classes: int
    index: Tensor


class ClassSelectivity:
    """Collect activations from ``observe``, class by class.

    A unit's activation is its mean over the sites of an image. Keeps a sum for
    each layer, class and unit, however many images there are.

    Args:
        num_classes (int): K. Labels are less than that.
        rectify (bool): Whether negative values count as zero, site by site,
            as behind the ReLU that the index is defined for. With signs, means
            lie around zero and most indices at 1. Defaults to True.
    """

    def __init__(self, num_classes: int, rectify: bool = True) -> None:
        self.num_classes = num_classes
        self.rectify = rectify
        self._sums: Dict[Tuple[str, str], Tensor] = {}
        self._counts: Dict[Tuple[str, str], Tensor] = {}

    def __call__(self, layer: str, features: str, x: Tensor,
                 labels: Tensor) -> None:
        """Add the features (N, H, W, C) of images with labels (N, )."""
        x = x.detach().flatten(1, -2).double()
        if self.rectify:
            x = x.clamp(min=0)
        activations = x.mean(1).cpu()
        key = (layer, features)
        if key not in self._sums:
            self._sums[key] = activations.new_zeros(self.num_classes,
                                                    activations.shape[-1])
            self._counts[key] = activations.new_zeros(self.num_classes, 1)
        labels = labels.cpu()
        self._sums[key].index_add_(0, labels, activations)
        self._counts[key].index_add_(0, labels,
                                     torch.ones_like(activations[:, :1]))

    def layers(self) -> List[LayerSelectivity]:
        """What was found, in the order in which layers were first seen.

        Raises:
            ValueError: If images of fewer than two classes were seen.
        """
        found = []
        for (layer, features), sums in self._sums.items():
            counts = self._counts[layer, features]
            seen = counts[:, 0] > 0
            index = class_selectivity(sums[seen] / counts[seen])
            found.append(
                LayerSelectivity(layer, features, int(counts.sum()),
                                 int(seen.sum()), index))
        return found
