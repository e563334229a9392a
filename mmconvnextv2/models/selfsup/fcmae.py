"""FCMAE, the masked autoencoder of ConvNeXt V2."""
from typing import Dict, List, Optional, Tuple, Union

import torch
from mmpretrain.models import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmconvnextv2.models.backbones import ConvNeXtV2
from mmconvnextv2.models.layers.masked_layout import build_layout
from mmconvnextv2.registry import MODELS, register
from .masking import draw_mask


@register(MODELS)
class FCMAE(BaseSelfSupervisor):
    """Fully convolutional masked autoencoder (arXiv 2301.00808, Section 3).

    Args:
        backbone (dict | ConvNeXtV2): The encoder, with ``final_norm=False``
            to train like the official one, whose last stage has no norm after
            it.
        neck (dict | nn.Module): The decoder: ``FCMAEDecoder``,
            ``FCMAEUNetDecoder`` or ``FCMAETransformerDecoder``. With a list
            of ``in_channels`` it gets all outputs of the backbone, else the
            last.
        head (dict | nn.Module): Target and loss, ``FCMAEHead``.
        mask_ratio (float): Share of the patches to mask. Defaults to 0.6.
        input_token (bool): Whether a learned patch of pixels stands for the
            masked ones and the encoder sees the whole image: a negative
            control of the paper, where masked sites take part. Defaults to
            False.
        data_preprocessor (dict | nn.Module, optional): As mmpretrain has it.
        init_cfg (dict, optional): As mmpretrain has it.

    Raises:
        TypeError: If the backbone is not ``ConvNeXtV2``.
        ValueError: If backbone, neck and head do not fit together, or
            ``mask_ratio`` does not lie between 0 and 1.
    """

    def __init__(self,
                 backbone: Union[dict, nn.Module],
                 neck: Union[dict, nn.Module],
                 head: Union[dict, nn.Module],
                 mask_ratio: float = 0.6,
                 input_token: bool = False,
                 data_preprocessor: Union[dict, nn.Module, None] = None,
                 init_cfg: Optional[dict] = None) -> None:
        if data_preprocessor is None or isinstance(data_preprocessor, dict):
            # By its full name, for configs whose default_scope is another.
            data_preprocessor = {
                'type': 'mmpretrain.SelfSupDataPreprocessor',
                **(data_preprocessor or {})}
        super().__init__(
            backbone=backbone, neck=neck, head=head, init_cfg=init_cfg,
            data_preprocessor=data_preprocessor)
        if not 0 < mask_ratio < 1:
            raise ValueError('FCMAE: mask_ratio must lie between 0 and 1, got '
                             f'{mask_ratio}')
        self.mask_ratio = mask_ratio
        self._check_parts()
        if input_token:
            # Flat, like other parameters that do not decay.
            numel = self.backbone.in_channels * self.backbone.stride**2
            token = torch.empty(numel).normal_(std=.02)
        self.input_token = nn.Parameter(token) if input_token else None

    def _check_parts(self) -> None:
        if not isinstance(self.backbone, ConvNeXtV2):
            raise TypeError(
                'FCMAE needs a backbone that encodes visible patches only: '
                'mmconvnextv2.ConvNeXtV2 or a subclass, got '
                f'{type(self.backbone).__name__}')
        stride, channels = self.backbone.stride, self.backbone.channels
        outputs = [channels[i] for i in self.backbone.out_indices]
        if isinstance(getattr(self.neck, 'in_channels', 0), int):
            outputs = channels[-1]
        for part, name, expected in (
            ('neck', 'in_channels', outputs),
            ('neck', 'patch_size', stride),
            ('neck', 'out_channels', self.backbone.in_channels),
            ('head', 'patch_size', stride)):
            found = getattr(getattr(self, part), name, expected)
            if found != expected:
                raise ValueError(
                    f'FCMAE: {part}.{name} must be {expected} to fit the '
                    f'backbone, got {found}')

    def draw_mask(self,
                  inputs: Tensor,
                  generator: Optional[torch.Generator] = None) -> Tensor:
        """Draw a mask (N, H / stride, W / stride) for images (N, C, H, W).

        From torch's generator or another of the CPU, and kept on the host: a
        seed gives the same masks on every device, and the encoder reads them
        without waiting.

        Raises:
            ValueError: If the images are not what the backbone takes, or have
                too few patches for the mask ratio.
        """
        shape, channels = tuple(inputs.shape), self.backbone.in_channels
        if len(shape) != 4 or shape[1] != channels:
            raise ValueError(
                f'FCMAE expects images (N, {channels}, H, W), as the backbone '
                f'has in_channels={channels}, got {shape}. The '
                'data_preprocessor may have changed their channels: with '
                'to_rgb=True, or mean and std of 3 values, it returns 3')
        grid = tuple(side // self.backbone.stride for side in shape[2:])
        return draw_mask(shape[0], grid, self.mask_ratio, generator=generator)

    def reconstruct(
            self,
            inputs: Tensor,
            is_masked: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
        """Predict the pixels of every patch from the visible ones.

        Args:
            inputs (Tensor): (N, C, H, W), preprocessed.
            is_masked (Tensor, optional): (N, h, w), bool, True = masked.
                Drawn if None, the default.

        Returns:
            tuple[Tensor, Tensor]: The prediction (N, L, p * p * C), on the
            scale of the head's target, and the mask (N, h, w).
        """
        if is_masked is None:
            is_masked = self.draw_mask(inputs)
        if self.input_token is None:
            features = self.backbone(inputs, is_masked)
        else:
            features = self.backbone(self._with_tokens(inputs, is_masked))
        if isinstance(getattr(self.neck, 'in_channels', 0), int):
            features = features[-1]
        return self.neck(features, is_masked), is_masked

    def _with_tokens(self, inputs: Tensor, is_masked: Tensor) -> Tensor:
        stride = self.backbone.stride
        # Checks the mask, too.
        black = build_layout('leaky', inputs, is_masked, stride, ())
        token = self.input_token.view(1, -1, stride, stride)
        hidden = is_masked.to(inputs.device).repeat_interleave(stride, 1)
        hidden = hidden.repeat_interleave(stride, 2)[:, None]
        tokens = token.repeat(1, 1, *is_masked.shape[1:])
        return black.pack(inputs) + hidden * tokens

    def loss(self,
             inputs: Tensor,
             data_samples: Optional[List[DataSample]] = None,
             is_masked: Optional[Tensor] = None) -> Dict[str, Tensor]:
        """Calculate the loss of a batch, and the share of patches masked.

        The arguments are those of ``reconstruct``; the samples are not used.

        Raises:
            TypeError, ValueError: If the images are not made of whole patches
                or have other channels than the backbone takes; if the mask
                does not fit them, or leaves nothing visible or nothing masked.
        """
        pred, is_masked = self.reconstruct(inputs, is_masked)
        return dict(
            loss=self.head.loss(pred, inputs, is_masked),
            mask_ratio=is_masked.float().mean())
