"""Layers that the paper tries in GRN's place (ConvNeXt V2, Tables 2d, 2e).

Each takes sites (N, H, W, C), and ``visible`` (N, H, W, 1) as ``GRN`` does:
statistics are those of visible sites.
"""
from typing import Optional

import torch
from torch import Tensor, nn

from mmconvnextv2.ops.linear import type_of_sums
from mmconvnextv2.ops.packed_depthwise import RunsOfGrid, packed_depthwise
from .norm import NORM_EPS, LayerNorm

_SITES = (1, 2)


class LRN(nn.LocalResponseNorm):
    """Local response normalisation over five channels, site by site."""

    def __init__(self, num_channels: int, size: int = 5) -> None:
        super().__init__(size)

    def forward(self, x: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Normalise; in float32 at least, as squares are summed."""
        wide = x.to(type_of_sums(x.dtype))
        return super().forward(wide.movedim(-1, 1)).movedim(1, -1).to(x.dtype)


class BN(nn.Module):
    """Batch normalisation with the statistics of visible sites."""

    def __init__(self, num_channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_channels)

    def forward(self, x: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Normalise; zero at sites that are not visible."""
        sites = x.flatten(0, -2)
        if visible is None:
            return self.norm(sites).view(x.shape)
        kept = visible.flatten() > 0
        y = self.norm(sites[kept])
        return y.new_zeros(sites.shape).index_put((kept, ), y).view(x.shape)


class LN(LayerNorm):
    """Layer normalisation over the channels of a site."""

    def __init__(self, num_channels: int) -> None:
        super().__init__(num_channels, eps=NORM_EPS)

    def forward(self, x: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Normalise."""
        return super().forward(x)


class SE(nn.Module):
    """Squeeze and excitation: x * sigmoid(MLP(mean of x over the sites)).

    As mmpretrain's ``SELayer``, which knows no mask. The MLP's width is the
    number of channels by ``ratio``.
    """

    def __init__(self, num_channels: int, ratio: int = 16) -> None:
        super().__init__()
        narrow = max(num_channels // ratio, 1)
        self.mlp = nn.Sequential(
            nn.Linear(num_channels, narrow), nn.ReLU(),
            nn.Linear(narrow, num_channels))

    def forward(self, x: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Scale the channels of each image."""
        return x * self.mlp(_mean(x, visible)).sigmoid()


class CBAM(SE):
    """Attention to channels, then to places (arXiv 1807.06521, Section 3).

    x * sigmoid(MLP(mean of x) + MLP(max of x)) over the sites, then
    x * sigmoid(conv7x7([mean of x, max of x])) over the channels.
    """

    looks_around = True

    def __init__(self, num_channels: int, ratio: int = 16) -> None:
        super().__init__(num_channels, ratio)
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor, visible: Optional[Tensor] = None,
                runs: Optional[RunsOfGrid] = None) -> Tensor:
        """Scale channels, then sites; ``runs``: their places, if packed."""
        highest = x if visible is None else x.masked_fill(
            visible == 0, -torch.inf)
        highest = highest.amax(_SITES, keepdim=True)
        x = x * (self.mlp(_mean(x, visible)) + self.mlp(highest)).sigmoid()
        pooled = torch.cat(
            [x.mean(-1, keepdim=True), x.amax(-1, keepdim=True)], -1)
        if visible is not None:
            pooled = pooled * visible
        if runs is None:
            place = self.conv(pooled.movedim(-1, 1)).movedim(1, -1)
        else:
            # The kernel's two channels one by one, then their sum.
            place = packed_depthwise(
                pooled.flatten(0, 1), self.conv.weight.transpose(0, 1), None,
                runs).sum(-1, keepdim=True).view(*x.shape[:-1], 1)
        return x * place.sigmoid()


def _mean(x: Tensor, visible: Optional[Tensor]) -> Tensor:
    """Average over the visible sites, summed in float32 at least."""
    if visible is None:
        return x.mean(_SITES, keepdim=True)
    wide = type_of_sums(x.dtype)
    total = (x * visible).sum(_SITES, keepdim=True, dtype=wide)
    count = visible.sum(_SITES, keepdim=True, dtype=wide)
    return (total / count).to(x.dtype)
