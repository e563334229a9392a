"""The way from ResNet to ConvNeXt, a network for each of its steps.

Written from the paper (ConvNeXt, arXiv 2201.03545, Section 2, Tables 10, 11).
"""
from typing import Optional, Sequence, Tuple

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmconvnextv2.models.layers.block import INIT_CFG
from mmconvnextv2.models.layers.norm import NORM_EPS, LayerNorm2d
from mmconvnextv2.registry import MODELS, register

_RATIO = 4  # of the wider to the narrower channels of a block
_ACTS = dict(ReLU=nn.ReLU, GELU=nn.GELU)
_NORMS = dict(BN=nn.BatchNorm2d, LN=LayerNorm2d)


@register(MODELS)
class RoadmapNet(BaseModule):
    """A network between ResNet and ConvNeXt, pooled for a classifier.

    By default ResNet-50 as mmpretrain has it; with all steps, ConvNeXt. Each
    argument is a step of the paper, in its order. Inferred, as no code of the
    steps is public: the stem has the norms and activations of the blocks.

    Args:
        depths (Sequence[int]): Blocks of the stages. Defaults to (3, 4, 6, 3).
        width (int): Of the first stage, doubling: channels within a block, or
            between blocks once ``inverted``. Defaults to 64.
        patchify (bool): Whether the stem is a 4x4 convolution of stride 4.
        depthwise (bool): Whether spatial convolutions are depthwise.
        inverted (bool): Whether blocks are wide in the middle.
        conv_first (bool): Whether the spatial convolution comes first; needs
            ``depthwise`` and ``inverted``.
        kernel_size (int): Of spatial convolutions. Defaults to 3.
        act (str): 'ReLU' or 'GELU'. Defaults to 'ReLU'.
        fewer_acts (bool): Whether a block has only the activation before its
            last layer.
        fewer_norms (bool): Whether a block has only the norm after its
            first convolution.
        norm (str): 'BN' or 'LN'. Defaults to 'BN'.
        separate_downsampling (bool): Whether a norm and a 2x2 convolution
            halve the map before a stage, with norms after the stem and after
            the pooling; needs ``conv_first``.
        layer_scale_init_value (float): Initial LayerScale. Defaults to 0,
            none.
        drop_path_rate (float): Of the last block; rises linearly from 0.
            Defaults to 0.
        init_cfg (dict, optional): Initialisation. By default as ConvNeXt's.

    Raises:
        ValueError: If an argument is not as described, or lacks the one that
            it needs.
    """

    def __init__(self,
                 depths: Sequence[int] = (3, 4, 6, 3),
                 width: int = 64,
                 patchify: bool = False,
                 depthwise: bool = False,
                 inverted: bool = False,
                 conv_first: bool = False,
                 kernel_size: int = 3,
                 act: str = 'ReLU',
                 fewer_acts: bool = False,
                 fewer_norms: bool = False,
                 norm: str = 'BN',
                 separate_downsampling: bool = False,
                 layer_scale_init_value: float = 0.,
                 drop_path_rate: float = 0.,
                 init_cfg: Optional[dict] = INIT_CFG) -> None:
        super().__init__(init_cfg=init_cfg)
        if act not in _ACTS or norm not in _NORMS:
            raise ValueError(f'act must be one of {list(_ACTS)} and norm of '
                             f'{list(_NORMS)}, got {act!r} and {norm!r}')
        for needs, has, name in (
                (conv_first, depthwise and inverted, 'conv_first'),
                (fewer_acts or fewer_norms, conv_first, 'fewer_*'),
                (separate_downsampling, conv_first, 'separate_downsampling')):
            if needs and not has:
                raise ValueError(f'{name} needs the steps before it')
        self.depthwise, self.inverted = depthwise, inverted
        self.conv_first, self.kernel_size = conv_first, kernel_size
        self.act, self.norm = act, norm
        self.fewer_acts, self.fewer_norms = fewer_acts, fewer_norms
        self.layer_scale = layer_scale_init_value
        rates = iter(torch.linspace(0, drop_path_rate, sum(depths),
                                   device='cpu').tolist())
        self.stem = self._stem(width, patchify, separate_downsampling)
        self.stages, channels = nn.ModuleList(), width
        for i, depth in enumerate(depths):
            inner, blocks, stride = width * 2**i, [], 2 if i else 1
            if separate_downsampling and i:
                blocks += [self._norm(channels),
                           nn.Conv2d(channels, inner, 2, 2)]
                channels, stride = inner, 1
            for _ in range(depth):
                blocks.append(self._block(channels, inner, stride,
                                          next(rates)))
                channels, stride = blocks[-1].out_channels, 1
            self.stages.append(nn.Sequential(*blocks))
        self.final_norm = self._norm(
            channels) if separate_downsampling else nn.Identity()

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """Encode images (N, 3, H, W) to one output (N, C)."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return (self.final_norm(x.mean((2, 3), keepdim=True)).flatten(1), )

    def _norm(self, channels: int) -> nn.Module:
        eps = dict(eps=NORM_EPS) if self.norm == 'LN' else {}
        return _NORMS[self.norm](channels, **eps)

    def _stem(self, width: int, patchify: bool,
              separate: bool) -> nn.Sequential:
        size, stride = (4, 4) if patchify else (7, 2)
        stem = self._conv(3, width, size, stride, act=not self.fewer_acts,
                          norm=separate or not self.fewer_norms)
        if not patchify:
            stem.append(nn.MaxPool2d(3, 2, 1))
        return stem

    def _conv(self, inputs: int, outputs: int, size: int = 1, stride: int = 1,
              groups: int = 1, norm: bool = True,
              act: bool = True) -> nn.Sequential:
        """Convolution, with a bias if no BN follows, norm and activation."""
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, size, stride, size % 2 * size // 2,
                      groups=groups, bias=self.norm == 'LN' or not norm),
            *[self._norm(outputs)] * norm, *[_ACTS[self.act]()] * act)

    def _block(self, inputs: int, inner: int, stride: int,
               rate: float) -> 'RoadmapBlock':
        outer, few = inner * _RATIO, self.fewer_acts
        outputs, middle = (inner, outer) if self.inverted else (outer, inner)
        norm = not self.fewer_norms
        spatial = inputs if self.conv_first else middle
        layers = [self._conv(inputs, middle, norm=norm),
                  self._conv(middle, outputs, norm=norm, act=False)]
        layers.insert(not self.conv_first, self._conv(
            spatial, spatial, self.kernel_size, stride, act=not few,
            groups=spatial if self.depthwise else 1))
        shortcut = nn.Identity() if (inputs, stride) == (
            outputs, 1) else self._conv(
                inputs, outputs, stride=stride, norm=norm, act=False)
        scale = self.layer_scale
        return RoadmapBlock(
            nn.Sequential(*layers), shortcut, outputs, rate,
            nn.Identity() if few else _ACTS[self.act](),
            nn.Parameter(torch.full((outputs, ), scale)) if scale else None)


class RoadmapBlock(nn.Module):
    """A residual block: layers, shortcut, and what comes after the sum."""

    def __init__(self, layers: nn.Module, shortcut: nn.Module,
                 out_channels: int, drop_path_rate: float, act: nn.Module,
                 gamma: Optional[nn.Parameter]) -> None:
        super().__init__()
        self.layers, self.shortcut, self.act = layers, shortcut, act
        self.out_channels, self.gamma = out_channels, gamma
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block: (N, C_in, H, W) -> (N, C, H/stride, W/stride)."""
        y = self.layers(x)
        if self.gamma is not None:
            y = y * self.gamma[:, None, None]
        return self.act(self.shortcut(x) + self.drop_path(y))
