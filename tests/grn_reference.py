"""Global Response Normalization written out, to compare with."""
from typing import Optional

from torch import Tensor, nn

from mmconvnextv2 import GRN


def grn_by_hand(x: Tensor,
                gamma: Tensor,
                beta: Tensor,
                eps: float,
                aggregation: Optional[str] = 'l2',
                normalization: Optional[str] = 'divisive',
                residual: bool = True) -> Tensor:
    """GRN of (N, ..., C) in float64, step by step as Algorithm 1 says."""
    sites, gamma, beta = x.double().flatten(1, -2), gamma.double(), \
        beta.double()
    g = dict(
        l2=lambda: sites.square().sum(1, True).sqrt(),
        l1=lambda: sites.abs().sum(1, True),
        average=lambda: sites.mean(1, True)).get(
            aggregation, lambda: sites)()
    mean = g.mean(-1, True)
    n = dict(
        divisive=lambda: g / (mean + eps),
        standardised=lambda: (g - mean) / (
            g.var(-1, correction=0, keepdim=True) + eps).sqrt(),
        inverse_sum=lambda: 1 / (g.sum(-1, True) + eps)).get(
            normalization, lambda: 1. if aggregation is None else g)()
    y = gamma * (sites * n) + beta + residual * sites
    return y.view(x.shape)


def random_grn(channels: int, kind: type = GRN, **kwargs) -> GRN:
    """A GRN that is not the identity."""
    grn = kind(channels, **kwargs)
    nn.init.normal_(grn.gamma)
    nn.init.normal_(grn.beta)
    return grn
