"""Global Response Normalization written out, to compare with."""
import torch
from torch import Tensor, nn

from mmconvnextv2 import GRN


def grn_by_hand(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """GRN of (N, ..., C) in float64, number by number as Algorithm 1 says."""
    flat, gamma, beta = (t.detach().double() for t in (x, gamma, beta))
    flat = flat.flatten(1, -2)
    out = torch.empty_like(flat)
    for image, result in zip(flat, out):
        sites, channels = image.shape
        norms = [
            sum(float(image[s, c])**2 for s in range(sites))**0.5
            for c in range(channels)
        ]
        mean = sum(norms) / channels
        for c in range(channels):
            n = norms[c] / (mean + eps)
            for s in range(sites):
                v = float(image[s, c])
                result[s, c] = float(gamma[c]) * v * n + float(beta[c]) + v
    return out.view(x.shape)


def random_grn(channels: int, **kwargs) -> GRN:
    """A GRN that is not the identity."""
    grn = GRN(channels, **kwargs)
    nn.init.normal_(grn.gamma)
    nn.init.normal_(grn.beta)
    return grn
