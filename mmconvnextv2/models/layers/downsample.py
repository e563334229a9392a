"""The stem and the reductions between stages."""
import torch
from torch import Tensor, nn

from mmconvnextv2.ops.compile import is_transformed
from .norm import NORM_EPS, LayerNorm2d


class Stem(nn.Sequential):
    """Patch embedding: convolution with stride = kernel size, LayerNorm."""

    def __init__(self, in_channels: int, channels: int, patch_size: int,
                 norm: bool = True) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, patch_size, patch_size),
            LayerNorm2d(channels, eps=NORM_EPS) if norm else nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        """Embed patches: (N, C_in, H, W) -> (N, C, H//patch, W//patch)."""
        conv, norm = self
        # Only the image is brought into channels-last memory; every map after
        # it stays so. torch.func.vmap cannot do that.
        if not is_transformed():
            x = x.contiguous(memory_format=torch.channels_last)
        return norm(conv(x))


class Downsample(nn.Sequential):
    """LayerNorm and 2x2 convolution: (N, C_in, H, W) -> (N, C, H//2, W//2)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            LayerNorm2d(in_channels, eps=NORM_EPS),
            nn.Conv2d(in_channels, channels, kernel_size=2, stride=2))
