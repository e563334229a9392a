"""GRN with other steps, as the paper's ablations have it."""
from typing import Callable, Dict, Optional, Union

import torch
from torch import Tensor, nn

from mmconvnextv2.registry import MODELS, register
from .grn import GRN


def _lp_norm(order: int) -> Callable[..., Tensor]:

    def aggregate(x: Tensor, sites: tuple, count: Union[int,
                                                        Tensor]) -> Tensor:
        return torch.linalg.vector_norm(x, order, dim=sites, keepdim=True)

    return aggregate


def _average(x: Tensor, sites: tuple, count: Union[int, Tensor]) -> Tensor:
    return x.sum(dim=sites, keepdim=True) / count


def _divisive(g: Tensor, eps: float) -> Tensor:
    return g / (g.mean(dim=-1, keepdim=True) + eps)


def _standardised(g: Tensor, eps: float) -> Tensor:
    centred = g - g.mean(dim=-1, keepdim=True)
    # eps under the root, as in LayerNorm: the gradient of a plain standard
    # deviation is not finite where all channels are equal.
    return centred / (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()


def _inverse_sum(g: Tensor, eps: float) -> Tensor:
    return 1 / (g.sum(dim=-1, keepdim=True) + eps)


AGGREGATIONS: Dict[str, Callable[..., Tensor]] = dict(
    l2=_lp_norm(2), l1=_lp_norm(1), average=_average)
NORMALIZATIONS: Dict[str, Callable[..., Tensor]] = dict(
    divisive=_divisive, standardised=_standardised, inverse_sum=_inverse_sum)


@register(MODELS)
class GRNVariant(GRN):
    """GRN with a step exchanged or left out.

    With G an aggregation over the sites of a channel in an image, and N a
    normalisation of what it gives over the channels:

    .. code-block:: text

        y = gamma * (x * N(G(x))) + beta + x

    The choices are those of ConvNeXt V2, Tables 2a to 2c and 16. The defaults
    give ``GRN``, which is faster: use that where nothing is to be exchanged.

    Args:
        num_channels (int): C, the number of channels.
        eps (float): Added to what is divided by; for 'standardised' to the
            variance. Defaults to 1e-6.
        data_format (str): See ``GRN``. Defaults to 'channels_last'.
        aggregation (str, optional): 'l2' or 'l1', a norm; 'average', the mean
            over the sites (global average pooling); or None, no aggregation:
            N is taken of x itself, site by site. Defaults to 'l2'.
        normalization (str, optional): 'divisive', g / mean(g);
            'standardised', (g - mean(g)) / std(g), with the biased variance;
            'inverse_sum', 1 / sum(g), the same for all channels; or None, G
            as it is. With both None x is multiplied by nothing, which leaves
            the affine transform. Defaults to 'divisive'.
        residual (bool): Whether x is added. Without it gamma starts at one
            rather than zero, since no gradient would pass the layer.
            Defaults to True.

    Raises:
        ValueError: If an argument is not as described.

    Example:
        >>> import torch
        >>> grn = GRNVariant(64, aggregation='l1')
        >>> grn(torch.rand(2, 7, 7, 64)).shape
        torch.Size([2, 7, 7, 64])
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

    def forward(self, x: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Apply the layer, image by image.

        Args:
            x (Tensor): (N, ..., C), or (N, C, ...) if channels come first.
            visible (Tensor, optional): As in ``GRN``. An average leaves the
                sites out that do not count. Defaults to None, all count.

        Returns:
            Tensor: Of the shape and type of ``x``.
        """
        if self.data_format == 'channels_last':
            return self._forward(x, visible)
        if visible is not None:
            visible = visible.movedim(1, -1)
        return self._forward(x.movedim(1, -1), visible).movedim(-1, 1)

    def _forward(self, x: Tensor, visible: Optional[Tensor]) -> Tensor:
        """Apply the layer with channels last."""
        if visible is not None:
            x = x * visible
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        scaled = wide * self._response(wide, visible)
        y = self.gamma * scaled + self.beta
        if self.residual:
            y = y + wide
        return y.to(x.dtype)

    def _response(self, x: Tensor,
                  visible: Optional[Tensor]) -> Union[float, Tensor]:
        """Compute the factor of x."""
        if self.aggregation is None and self.normalization is None:
            return 1.
        if self.aggregation is not None:
            sites = tuple(range(1, x.ndim - 1))
            count = (
                x[0, ..., 0].numel() if visible is None else visible.sum(
                    dim=sites, keepdim=True, dtype=x.dtype))
            x = AGGREGATIONS[self.aggregation](x, sites, count)
        if self.normalization is None:
            return x
        return NORMALIZATIONS[self.normalization](x, self.eps)

    def extra_repr(self) -> str:
        """List the arguments, for printing the module."""
        return (f'{super().extra_repr()}, aggregation={self.aggregation!r}, '
                f'normalization={self.normalization!r}, '
                f'residual={self.residual}')
