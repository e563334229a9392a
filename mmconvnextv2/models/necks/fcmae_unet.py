"""The UNet decoder that FCMAE is compared with."""
from typing import List, Optional, Sequence, Union

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmconvnextv2.models.heads.fcmae_head import patchify, unpatchify
from mmconvnextv2.models.layers.block import INIT_CFG, ConvNeXtV2Block
from mmconvnextv2.registry import MODELS, register
from .fcmae_decoder import embed

_INIT_CFG = [*INIT_CFG,
             dict(type='Normal', layer='ConvTranspose2d', std=.02, bias=0.)]


@register(MODELS)
class FCMAEUNetDecoder(BaseModule):
    """Predict the pixels of every patch from coarse to fine.

    From the encoder's last stage up to its first: blocks, then twice the
    sides and half the width (a 2x2 transposed convolution), to which skip
    connections add the features of the encoder's stage. All that comes from
    the encoder is projected, with a mask token of the stage at masked places
    (ConvNeXt V2, Table 1a, which leaves the details open).

    Args:
        in_channels (int | Sequence[int]): Channels of the encoder's last
            stage, without skip connections; or of each stage, with them.
        decoder_channels (int): Width at the last stage. Defaults to 512.
        depth (int): Number of blocks at each stage. Defaults to 1.
        num_stages (int): Stages of the encoder. Defaults to 4.

    The others are those of ``FCMAEDecoder``.

    Raises:
        ValueError: If the numbers do not fit each other.
    """

    def __init__(self,
                 in_channels: Union[int, Sequence[int]],
                 decoder_channels: int = 512,
                 depth: int = 1,
                 num_stages: int = 4,
                 patch_size: int = 32,
                 out_channels: int = 3,
                 block_cfg: Optional[dict] = None,
                 init_cfg: Union[dict, List[dict], None] = _INIT_CFG) -> None:
        super().__init__(init_cfg=init_cfg)
        has_skips = not isinstance(in_channels, int)
        given = list(in_channels) if has_skips else [in_channels]
        scale = 2**(num_stages - 1)
        if (has_skips and len(given) != num_stages) or patch_size % scale or (
                decoder_channels % scale):
            raise ValueError(
                'FCMAEUNetDecoder: in_channels must be a number or one per '
                'stage, and patch_size and decoder_channels multiples of '
                f'{scale} for {num_stages} stages, got {in_channels}, '
                f'{patch_size} and {decoder_channels}')
        self.in_channels = given if has_skips else in_channels
        self.patch_size = patch_size
        self.out_channels = out_channels
        self.site = patch_size // scale  # pixels per side, in the first stage
        # Widths from the last stage up to the first; so are all lists here.
        widths = [decoder_channels // 2**i for i in range(num_stages)]
        self.proj = nn.ModuleList(
            nn.Linear(*x) for x in zip(reversed(given), widths))
        self.mask_tokens = nn.ParameterList(
            torch.empty(proj.out_features).normal_(std=.02)
            for proj in self.proj)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(*x, kernel_size=2, stride=2)
            for x in zip(widths, widths[1:]))
        self.decoder = nn.ModuleList(
            nn.Sequential(*(ConvNeXtV2Block(width, **(block_cfg or {}))
                            for _ in range(depth))) for width in widths)
        self.pred = nn.Linear(widths[-1], self.site**2 * out_channels)

    def forward(self, x: Union[Tensor, Sequence[Tensor]],
                is_masked: Tensor) -> Tensor:
        """Predict patches as ``FCMAEDecoder`` does.

        With skip connections ``x`` has the features of all stages, the first
        one's first.
        """
        features = [x] if isinstance(x, Tensor) else [*x][::-1]
        y = None
        for i, blocks in enumerate(self.decoder):
            if y is not None:
                y = self.up[i - 1](y)
            if i < len(self.proj):
                hidden = is_masked.repeat_interleave(2**i, 1)
                skip = embed(features[i], self.proj[i], self.mask_tokens[i],
                             hidden.repeat_interleave(2**i, 2))
                skip = skip.permute(0, 3, 1, 2)
                y = skip if y is None else y + skip
            y = blocks(y)
        y = self.pred(y.permute(0, 2, 3, 1))
        image = unpatchify(y.flatten(1, 2), tuple(y.shape[1:3]), self.site)
        return patchify(image, self.patch_size)
