"""Global Response Normalization written out, to compare with."""
from torch import Tensor, nn

from mmconvnextv2 import GRN


def grn_by_hand(x: Tensor, gamma: Tensor, beta: Tensor,
                eps: float) -> Tensor:
    """GRN of (N, ..., C) in float64, step by step as Algorithm 1 says."""
    x, gamma, beta = (t.double() for t in (x, gamma, beta))
    norm = x.square().flatten(1, -2).sum(1).sqrt()
    n = norm / (norm.mean(-1, keepdim=True) + eps)
    n = n.view(-1, *(1, ) * (x.ndim - 2), x.shape[-1])
    return gamma * (x * n) + beta + x


def random_grn(channels: int, **kwargs) -> GRN:
    """A GRN that is not the identity."""
    grn = GRN(channels, **kwargs)
    nn.init.normal_(grn.gamma)
    nn.init.normal_(grn.beta)
    return grn
