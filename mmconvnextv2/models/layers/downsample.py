"""The stem and the reductions between stages."""
import torch
from torch import Tensor, nn

from .norm import NORM_EPS, LayerNorm


class Stem(nn.Sequential):
    """Patch embedding: convolution with stride = kernel size, LayerNorm.

    Args:
        in_channels (int): Channels of the image.
        channels (int): Channels of the first stage.
        patch_size (int): Side of a patch in pixels.
    """

    def __init__(self, in_channels: int, channels: int,
                 patch_size: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, patch_size, patch_size),
            LayerNorm(channels, eps=NORM_EPS))

    def forward(self, x: Tensor) -> Tensor:
        """Embed patches: (N, C_in, H, W) -> (N, H//patch, W//patch, C)."""
        conv, norm = self
        # Only the image is brought into channels-last memory; every map after
        # it stays so.
        x = conv(x.contiguous(memory_format=torch.channels_last))
        return norm(x.permute(0, 2, 3, 1))


class Downsample(nn.Sequential):
    """LayerNorm and 2x2 convolution with stride 2.

    Args:
        in_channels (int): Channels of the stage before.
        channels (int): Channels of the stage after.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__(
            LayerNorm(in_channels, eps=NORM_EPS),
            nn.Conv2d(in_channels, channels, kernel_size=2, stride=2))

    def forward(self, x: Tensor) -> Tensor:
        """Halve a map: (N, H, W, C_in) -> (N, H//2, W//2, C)."""
        norm, conv = self
        return conv(norm(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
