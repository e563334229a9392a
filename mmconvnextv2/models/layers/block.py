"""The residual block of ConvNeXt V2, and of ConvNeXt."""
from functools import partial
from typing import Callable, Optional

import torch
from mmcv.cnn.bricks.drop import DropPath, drop_path
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmconvnextv2.ops import dispatch
from mmconvnextv2.ops.compile import compiled
from mmconvnextv2.registry import MODELS, register
from .build_grn import build_grn
from .masked_layout import DENSE_GRID, DenseGrid
from .norm import NORM_EPS, LayerNorm

KERNEL_SIZE = 7
MLP_RATIO = 4
# The official truncation at +-2, 100 sigma, leaves the distribution as it is.
# MMEngine's TruncNormal does not: rounding puts one weight in 17 million on
# the bounds.
INIT_CFG = [
    dict(type='Normal', layer=['Conv2d', 'Linear'], std=.02, bias=0.),
    dict(type='Constant', layer=['LayerNorm'], val=1., bias=0.),
]


@register(MODELS)
class ConvNeXtV2Block(BaseModule):
    """Residual block over maps in channels-last memory.

    7x7 depthwise convolution, LayerNorm, 1x1 convolution to 4C, GELU, GRN,
    1x1 convolution to C, drop path, residual sum (ConvNeXt V2, Figure 5).

    Args:
        channels (int): C, the number of input and output channels.
        drop_path_rate (float): Probability of skipping the block, per image.
            Defaults to 0.

    The others are those of ``ConvNeXtV2``.
    """

    _compiled: Optional[Callable] = None

    def __init__(self,
                 channels: int,
                 drop_path_rate: float = 0.,
                 use_grn: bool = True,
                 layer_scale_init_value: float = 0.,
                 with_cp: bool = False,
                 grn_cfg: Optional[dict] = None) -> None:
        super().__init__()
        self.with_cp = with_cp
        hidden = MLP_RATIO * channels
        self.depthwise_conv = nn.Conv2d(
            channels, channels, KERNEL_SIZE, padding=KERNEL_SIZE // 2,
            groups=channels)
        self.norm = LayerNorm(channels, eps=NORM_EPS)
        self.pointwise_conv1 = nn.Linear(channels, hidden)
        self.act = nn.GELU()
        self.grn = build_grn(hidden, grn_cfg) if use_grn else None
        self.pointwise_conv2 = nn.Linear(hidden, channels)
        self.gamma = nn.Parameter(
            torch.full((channels, ), float(layer_scale_init_value))
        ) if layer_scale_init_value > 0 else None
        self.drop_path = DropPath(
            drop_path_rate) if drop_path_rate > 0 else nn.Identity()

    def forward(self, x: Tensor, layout: DenseGrid = DENSE_GRID) -> Tensor:
        """Apply the block to (N, C, H, W), sites in the layout's order.

        What is not in channels-last memory is copied; the result is in it.
        """
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(self._forward, x, layout, use_reentrant=False)
        return self._forward(x, layout)

    def _forward(self, x: Tensor, layout: DenseGrid) -> Tensor:
        # (N, C, H, W) goes in and out, as hooks of others expect. Within,
        # sites are rows: views, nothing is copied.
        x = x.permute(0, 2, 3, 1).contiguous()
        compute = self._compiled or ConvNeXtV2Block._residual_sum
        y = compute(self, x, self._drop_path_factor(x), layout)
        return y.permute(0, 3, 1, 2)

    def _residual_sum(self, x: Tensor, factor: Optional[Tensor],
                      layout: DenseGrid) -> Tensor:
        y = dispatch.depthwise_norm(
            layout.only_visible(x), self.depthwise_conv, self.norm,
            layout.runs(x))
        grn = self.grn
        if getattr(grn, 'looks_around', False):
            grn = partial(grn, runs=layout.runs(y))
        y = dispatch.grn_mlp(y, self.pointwise_conv1, self.act, grn,
                             self.pointwise_conv2, layout.visible(y))
        if self.gamma is not None:
            y = y * self.gamma
        return x + (y if factor is None else y * factor)

    def _drop_path_factor(self, x: Tensor) -> Optional[Tensor]:
        """Draw the factors (N, 1, 1, 1) of the residual branch, if any."""
        # Faster than drop path on maps, which would take another pass.
        if self.drop_path.training and isinstance(self.drop_path, DropPath):
            if isinstance(x, torch.fx.Proxy):
                return _drawn(x, self.drop_path.drop_prob)
            return self.drop_path(x.new_ones(len(x), 1, 1, 1))
        return None

    def compile(self, **options) -> None:
        """Run the block through ``torch.compile``, whose options it takes.

        The blocks of a stage share their compiled code. PyTorch's own
        ``compile`` would compile each block separately, since their drop path
        rates differ, and give up after eight.

        Raises:
            ValueError: If PyTorch does not know the mode or the backend, or is
                older than 2.7.
        """
        channels, = self.norm.normalized_shape
        self._compiled = compiled(ConvNeXtV2Block._residual_sum,
                                  f'block_of_{channels}_channels', **options)

    def __getstate__(self) -> dict:
        # Like any module's, copies and pickles are not compiled.
        state = self.__dict__.copy()
        state.pop('_compiled', None)
        return state


@torch.fx.wrap
def _drawn(x: Tensor, rate: float) -> Tensor:
    return drop_path(x.new_ones(len(x), 1, 1, 1), rate, training=True)


class Stage(nn.Sequential):
    """The blocks of a stage, one after the other."""

    def forward(self, x: Tensor, layout: DenseGrid = DENSE_GRID) -> Tensor:
        """Apply the blocks to (N, C, H, W), sites in the layout's order."""
        for block in self:
            # Hooks of others take arguments to be tensors.
            x = block(x) if layout is DENSE_GRID else block(x, layout)
        return x
