"""The transformer decoder that FCMAE is compared with."""
from typing import List, Union

import torch
from mmpretrain.models import MAEPretrainDecoder
from torch import Tensor, nn

from mmconvnextv2.models.necks.fcmae_decoder import embed
from mmconvnextv2.registry import MODELS, register

# Of mmpretrain's MAE.
_INIT_CFG = [
    dict(type='Xavier', layer='Linear', distribution='uniform'),
    dict(type='Constant', layer='LayerNorm', val=1., bias=0.),
]


@register(MODELS)
class FCMAETransformerDecoder(MAEPretrainDecoder):
    """Predict the pixels of every patch by the decoder of MAE.

    mmpretrain's, with the sites of a map for tokens and no class token
    (ConvNeXt V2, Table 1a). Its size there is not stated; MAE's has 8 blocks,
    512 wide, of 16 heads. The positions, sines and cosines, are set by
    ``init_weights()``.

    Args:
        num_heads (int): Heads of the attention. Defaults to 16.
        grid (int): Patches per side of the images, which are square.
            Defaults to 7.

    The others are those of ``FCMAEDecoder``.
    """

    def __init__(self,
                 in_channels: int,
                 decoder_channels: int = 512,
                 depth: int = 8,
                 num_heads: int = 16,
                 grid: int = 7,
                 patch_size: int = 32,
                 out_channels: int = 3,
                 init_cfg: Union[dict, List[dict], None] = _INIT_CFG) -> None:
        super().__init__(
            num_patches=grid**2, patch_size=patch_size, in_chans=out_channels,
            embed_dim=in_channels, decoder_embed_dim=decoder_channels,
            decoder_depth=depth, decoder_num_heads=num_heads,
            init_cfg=init_cfg)
        self.in_channels = in_channels
        self.patch_size = patch_size
        self.out_channels = out_channels
        self.grid = grid
        # Flat, like other parameters that do not decay.
        self.mask_token = nn.Parameter(torch.zeros(decoder_channels))

    def forward(self, x: Tensor, is_masked: Tensor) -> Tensor:
        """Predict patches as ``FCMAEDecoder`` does, of a map (N, C, h, w).

        Raises:
            ValueError: If the map is not of the positions' size.
        """
        if tuple(x.shape[2:]) != (self.grid, self.grid):
            raise ValueError(
                f'FCMAETransformerDecoder has positions for {self.grid} x '
                f'{self.grid} patches, got {x.shape[2]} x {x.shape[3]}; set '
                'neck.grid to the side of the images by that of a patch')
        x = embed(x, self.decoder_embed, self.mask_token, is_masked)
        # The first position is the class token's.
        x = x.flatten(1, 2) + self.decoder_pos_embed[:, 1:]
        for block in self.decoder_blocks:
            x = block(x)
        return self.decoder_pred(self.decoder_norm(x))
