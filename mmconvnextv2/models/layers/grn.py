"""Global Response Normalization."""
from typing import Optional

import torch
import torch.fx
from torch import Tensor, nn

from mmconvnextv2.ops.compile import is_exporting
from mmconvnextv2.ops.dispatch import replaceable
from mmconvnextv2.ops.grn_linear import relative_response
from mmconvnextv2.registry import MODELS, register

_DATA_FORMATS = ('channels_last', 'channels_first')


@register(MODELS)
@replaceable
class GRN(nn.Module):
    """Global Response Normalization (ConvNeXt V2, Section 4, Algorithm 1).

    For each image, with g the L2 norm of a channel over all its sites and
    n = g / (mean of g over the channels + eps):

    .. code-block:: text

        y = gamma * (x * n) + beta + x

    Equation 2 of the paper divides by the sum over the channels; the released
    code and this class divide by the mean. gamma and beta start at zero: a new
    layer is the identity. It is computed in float32 at least.

    Args:
        num_channels (int): C, the number of channels.
        eps (float): Added to the mean norm. Defaults to 1e-6. A ``norm_cfg``
            must name it: ``build_norm_layer`` of mmcv and mmpretrain passes
            1e-5 to every norm whose config has no eps.
        data_format (str): 'channels_last' for inputs (N, ..., C), or
            'channels_first' for (N, C, ...). Defaults to 'channels_last'.

    Raises:
        ValueError: If ``data_format`` is neither, or a number is not positive.
    """

    _abbr_ = 'grn'

    def __init__(self,
                 num_channels: int,
                 eps: float = 1e-6,
                 data_format: str = 'channels_last') -> None:
        super().__init__()
        if data_format not in _DATA_FORMATS:
            raise ValueError(f'GRN: data_format must be one of '
                             f'{_DATA_FORMATS}, got {data_format!r}')
        if num_channels < 1 or eps <= 0:
            raise ValueError('GRN: num_channels and eps must be positive, got '
                             f'num_channels={num_channels}, eps={eps}')
        self.num_channels = num_channels
        self.eps = eps
        self.data_format = data_format
        self.gamma = nn.Parameter(torch.zeros(num_channels))
        self.beta = nn.Parameter(torch.zeros(num_channels))

    def forward(self, x: Tensor, visible: Optional[Tensor] = None) -> Tensor:
        """Normalise the response of each channel, image by image.

        Args:
            x (Tensor): (N, ..., C), or (N, C, ...) if channels come first.
            visible (Tensor, optional): (N, ..., 1), or (N, 1, ...), of the
                type of ``x``: 0 for sites that are taken for zeros, 1 for the
                others. Defaults to None, all ones.
        """
        if self.data_format == 'channels_last':
            return self._forward(x, visible)
        if visible is not None:
            visible = visible.movedim(1, -1)
        return self._forward(x.movedim(1, -1), visible).movedim(-1, 1)

    def _forward(self, x: Tensor, visible: Optional[Tensor]) -> Tensor:
        return _grn(x, self.gamma, self.beta, self.eps, visible)

    def extra_repr(self) -> str:
        """List the arguments, for printing the module."""
        return (f'{self.num_channels}, eps={self.eps}, '
                f'data_format={self.data_format!r}')


@torch.fx.wrap  # which keeps it whole: it branches on shape and type
def _grn(x: Tensor, gamma: Tensor, beta: Tensor, eps: float,
         visible: Optional[Tensor]) -> Tensor:
    if visible is not None:
        x = x * visible
    scale = 1. + gamma * relative_response(x, eps)  # 1 ExecuTorch would cast
    if is_exporting() or torch.jit.is_tracing():
        # coremltools and pnnx know no addcmul.
        y = beta + x * scale
        return y if y.dtype == x.dtype else y.to(x.dtype)
    if scale.dtype == x.dtype:
        return torch.addcmul(beta, x, scale)
    # In half precision a rounded scale would double the error, and its
    # gradient, a sum over all sites, overflows float16: float32 here too.
    # Not by addcmul: CUDA autocast would keep a float32 copy of x for it.
    return (x * scale).add_(beta).to(x.dtype)
