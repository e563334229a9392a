"""GRN with other steps, as the paper's ablations have it."""
from typing import Optional, Union

import torch
from torch import Tensor, nn

from mmconvnextv2.ops.linear import type_of_sums
from mmconvnextv2.registry import MODELS, register
from .grn import GRN

AGGREGATIONS = ('l2', 'l1', 'average')
NORMALIZATIONS = ('divisive', 'standardised', 'inverse_sum')


@torch.fx.wrap  # which keeps it whole: it counts dimensions
def _aggregate(x: Tensor, kind: str, visible: Optional[Tensor]) -> Tensor:
    sites = tuple(range(1, x.ndim - 1))
    if kind != 'average':
        return torch.linalg.vector_norm(
            x, int(kind[1]), dim=sites, keepdim=True)
    count: Union[int, Tensor] = x[0, ..., 0].numel()
    if visible is not None:
        count = visible.sum(dim=sites, keepdim=True, dtype=x.dtype)
    return x.sum(dim=sites, keepdim=True) / count


def _normalise(g: Tensor, kind: str, eps: float) -> Tensor:
    if kind == 'inverse_sum':
        return 1 / (g.sum(dim=-1, keepdim=True) + eps)
    mean = g.mean(dim=-1, keepdim=True)
    if kind == 'divisive':
        return g / (mean + eps)
    # eps under the root, as in LayerNorm: the gradient of a plain standard
    # deviation is not finite where all channels are equal.
    centred = g - mean
    return centred / (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()


@register(MODELS)
class GRNVariant(GRN):
    """GRN with a step exchanged or left out.

    With G an aggregation over the sites of a channel in an image, and N a
    normalisation of what it gives over the channels:
    y = gamma * (x * N(G(x))) + beta + x.

    The choices are those of ConvNeXt V2, Tables 2a to 2c and 16. The defaults
    give ``GRN``, which is faster: use that where nothing is to be exchanged.

    Args:
        num_channels (int): See ``GRN``.
        data_format (str): See ``GRN``.
        eps (float): Added to what is divided by; for 'standardised' to the
            variance. Defaults to 1e-6.
        aggregation (str, optional): 'l2' or 'l1', a norm; 'average', the mean
            over the sites; or None: N is taken of x itself, site by site.
            Defaults to 'l2'.
        normalization (str, optional): 'divisive', g / mean(g);
            'standardised', (g - mean(g)) / std(g), with the biased variance;
            'inverse_sum', 1 / sum(g), the same for all channels; or None, G
            as it is. With both None only the affine transform is left.
            Defaults to 'divisive'.
        residual (bool): Whether x is added. Without it gamma starts at one
            rather than zero, since no gradient would pass the layer.
            Defaults to True.

    Raises:
        ValueError: If an argument is not as described.
    """

    def __init__(self,
                 num_channels: int,
                 eps: float = 1e-6,
                 data_format: str = 'channels_last',
                 aggregation: Optional[str] = 'l2',
                 normalization: Optional[str] = 'divisive',
                 residual: bool = True) -> None:
        super().__init__(num_channels, eps, data_format)
        for name, given, known in (('aggregation', aggregation, AGGREGATIONS),
                                   ('normalization', normalization,
                                    NORMALIZATIONS)):
            if given is not None and given not in known:
                raise ValueError(f'GRNVariant: {name} must be one of '
                                 f'{list(known)} or None, got {given!r}')
        self.aggregation = aggregation
        self.normalization = normalization
        self.residual = residual
        if not residual:
            nn.init.ones_(self.gamma)

    def _forward(self, x: Tensor, visible: Optional[Tensor]) -> Tensor:
        if visible is not None:
            x = x * visible
        wide = x.to(type_of_sums(x.dtype))
        response = wide
        if self.aggregation is not None:
            response = _aggregate(response, self.aggregation, visible)
        if self.normalization is not None:
            response = _normalise(response, self.normalization, self.eps)
        if self.aggregation is None and self.normalization is None:
            response = 1.
        y = self.gamma * (wide * response) + self.beta
        return (y + wide if self.residual else y).to(x.dtype)

    def extra_repr(self) -> str:
        """List the arguments, for printing the module."""
        return (f'{super().extra_repr()}, aggregation={self.aggregation!r}, '
                f'normalization={self.normalization!r}, '
                f'residual={self.residual}')
