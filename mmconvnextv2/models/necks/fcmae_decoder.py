"""The decoder of FCMAE."""
from typing import List, Optional, Union

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmconvnextv2.models.layers.block import INIT_CFG, ConvNeXtV2Block
from mmconvnextv2.registry import MODELS, register


def embed(x: Tensor, proj: nn.Linear, mask_token: Tensor,
          is_masked: Tensor) -> Tensor:
    """Project features (N, C, h, w) to (N, h, w, D).

    At masked places, which are not read, the mask token (D, ) stands.
    """
    x = proj(x.permute(0, 2, 3, 1))
    return torch.where(
        is_masked.to(x.device)[..., None], mask_token.to(x.dtype), x)


@register(MODELS)
class FCMAEDecoder(BaseModule):
    """Predict the pixels of every patch from the encoder's last stage.

    A projection, a mask token for masked places, ConvNeXt V2 blocks over the
    whole map, and a prediction (ConvNeXt V2, Section 3.1).

    Args:
        in_channels (int): C, channels of the encoder's last stage.
        decoder_channels (int): Width of the decoder. Defaults to 512.
        depth (int): Number of blocks. Defaults to 1.
        patch_size (int): Pixels per side of a patch, the encoder's stride.
            Defaults to 32.
        out_channels (int): Channels of the image. Defaults to 3.
        block_cfg (dict, optional): Arguments of the blocks, such as
            ``use_grn=False``. Defaults to None, ConvNeXt V2's.
        init_cfg (dict | list[dict], optional): By default weights are normal
            with std 0.02 and biases 0. (In the official code some layers get a
            std of 1.)
    """

    def __init__(self,
                 in_channels: int,
                 decoder_channels: int = 512,
                 depth: int = 1,
                 patch_size: int = 32,
                 out_channels: int = 3,
                 block_cfg: Optional[dict] = None,
                 init_cfg: Union[dict, List[dict], None] = INIT_CFG) -> None:
        super().__init__(init_cfg=init_cfg)
        if min(in_channels, decoder_channels, patch_size, out_channels) < 1:
            raise ValueError(
                'FCMAEDecoder: in_channels, decoder_channels, patch_size and '
                f'out_channels must be positive, got {in_channels}, '
                f'{decoder_channels}, {patch_size} and {out_channels}')
        if depth < 0:
            raise ValueError(
                f'FCMAEDecoder: depth must not be negative, got {depth}')
        self.in_channels = in_channels
        self.patch_size = patch_size
        self.out_channels = out_channels
        self.proj = nn.Linear(in_channels, decoder_channels)
        self.mask_token = nn.Parameter(torch.empty(decoder_channels))
        nn.init.normal_(self.mask_token, std=.02)
        self.decoder = nn.Sequential(
            *(ConvNeXtV2Block(decoder_channels, **(block_cfg or {}))
              for _ in range(depth)))
        self.pred = nn.Linear(decoder_channels, patch_size**2 * out_channels)

    def forward(self, x: Tensor, is_masked: Tensor) -> Tensor:
        """Predict patches (N, h * w, p * p * out_channels), as ``patchify``.

        Args:
            x (Tensor): (N, C, h, w), not read at masked places.
            is_masked (Tensor): (N, h, w), bool, True = masked.
        """
        x = embed(x, self.proj, self.mask_token, is_masked)
        x = self.decoder(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.pred(x).flatten(1, 2)
