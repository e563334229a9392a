"""ConvNeXt V2 as a backbone.

Written from the paper, with mmpretrain's parameter names. Weights released by
the authors (github.com/facebookresearch/ConvNeXt-V2) are under CC-BY-NC 4.0.
"""
from typing import List, Optional, Sequence, Tuple, Union

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmconvnextv2.models.layers.block import INIT_CFG, ConvNeXtV2Block, Stage
from mmconvnextv2.models.layers.downsample import Downsample, Stem
from mmconvnextv2.models.layers.masked_layout import (
    DENSE_GRID,
    MASKED_LAYOUTS,
    DenseGrid,
    build_layout,
)
from mmconvnextv2.models.layers.norm import NORM_EPS, LayerNorm, LayerNorm2d
from mmconvnextv2.registry import MODELS, register
from .arch import (
    check_numbers,
    check_scales,
    checked_images,
    refuse_other_layers,
    resolve_arch,
    resolve_out_indices,
    warn_of_vectors,
)
from .layer_ids import find_layer

torch.fx.wrap('checked_images')  # a step of its own in traced graphs


@register(MODELS)
class ConvNeXtV2(BaseModule):
    """ConvNeXt V2 (arXiv 2301.00808), for every OpenMMLab package.

    Arguments, defaults and their meaning are those of mmpretrain's
    ``ConvNeXt``, and so are the names of the parameters: to move over, change
    the type. Arguments that only make sense there are refused if they disagree
    with ConvNeXt V2. Maps (N, C, H, W) between layers have channels-last
    memory, so that hooks see what they see there and no layer copies.

    Args:
        arch (str | dict): 'atto', 'femto', 'pico', 'nano', 'tiny', 'base',
            'large', 'huge' (and 'small' and 'xlarge' of ConvNeXt), or a dict
            with ``depths`` and ``channels``, an entry per stage. Defaults to
            'base'.
        in_channels (int): Channels of the image. Defaults to 3.
        stem_patch_size (int): Stride of the stem in pixels. Defaults to 4.
        norm_cfg (dict): ``dict(type='LN2d', eps=...)``, or None for an eps of
            1e-6, the papers'.
        act_cfg (dict): Only ``dict(type='GELU')``, or None.
        linear_pw_conv (bool): Only True: 1x1 convolutions are linear layers.
        use_grn (bool): Whether the blocks have GRN. Defaults to True.
        drop_path_rate (float): Rate of the last block, rising linearly from
            0. Defaults to 0.
        layer_scale_init_value (float): Initial LayerScale. A positive value
            with ``use_grn=False`` gives the first ConvNeXt. Defaults to 0.
        out_indices (int | Sequence[int]): Stages to output, negative ones
            counted from the end. Defaults to -1, the last.
        frozen_stages (int): Number of first stages, with the stem and the
            downsampling before them, that are not trained. Defaults to 0.
        gap_before_final_norm (bool): Whether each output is averaged over its
            sites before its norm, if it has one. Defaults to True.
        final_norm (bool): Whether each output has a LayerNorm, ``norm{i}``.
            Defaults to True.
        with_cp (bool): Whether blocks are recomputed in the backward pass, for
            less memory. Defaults to False.
        masked_impl (str): How images are encoded under a mask: 'packed',
            visible patches only; 'dense', the whole map, with the same
            features; or 'leaky', the paper's negative control, where masked
            sites take part. Defaults to 'packed'.
        grn_cfg (dict, optional): What replaces GRN in ablations: arguments of
            ``GRNVariant``, or ``type``, one of LRN, BN, LN, SE and CBAM, with
            its. ``type='GRN'`` is GRN itself, and may stand beside LayerScale.
            Defaults to None, GRN.
        stem_norm (bool): Whether the stem ends with a norm; the isotropic
            ConvNeXt's does not. Defaults to True.
        init_cfg (dict | list[dict], optional): Initialisation by
            ``init_weights()``. By default weights are normal with std 0.02
            and biases 0, as in the official code.

    Raises:
        ValueError: If an argument is not as described.

    Examples:
        >>> import torch
        >>> from mmconvnextv2 import ConvNeXtV2
        >>> backbone = ConvNeXtV2(
        ...     'atto', out_indices=(1, 3), gap_before_final_norm=False)
        >>> [tuple(x.shape) for x in backbone(torch.rand(1, 3, 64, 96))]
        [(1, 80, 8, 12), (1, 320, 2, 3)]
    """

    def __init__(self,
                 arch: Union[str, dict] = 'base',
                 in_channels: int = 3,
                 stem_patch_size: int = 4,
                 norm_cfg: Optional[dict] = None,
                 act_cfg: Optional[dict] = None,
                 linear_pw_conv: bool = True,
                 use_grn: bool = True,
                 drop_path_rate: float = 0.,
                 layer_scale_init_value: float = 0.,
                 out_indices: Union[int, Sequence[int]] = -1,
                 frozen_stages: int = 0,
                 gap_before_final_norm: bool = True,
                 final_norm: bool = True,
                 with_cp: bool = False,
                 masked_impl: str = 'packed',
                 grn_cfg: Optional[dict] = None,
                 stem_norm: bool = True,
                 init_cfg: Union[dict, List[dict], None] = INIT_CFG) -> None:
        super().__init__(init_cfg=init_cfg)
        self.depths, self.channels = resolve_arch(arch)
        self.num_stages = len(self.depths)
        self.out_indices = resolve_out_indices(out_indices, self.num_stages)
        refuse_other_layers(norm_cfg, act_cfg, linear_pw_conv)
        check_scales(use_grn, grn_cfg, layer_scale_init_value)
        check_numbers(in_channels, stem_patch_size, drop_path_rate,
                      frozen_stages, self.num_stages)
        if masked_impl not in MASKED_LAYOUTS:
            raise ValueError('ConvNeXtV2: masked_impl must be one of '
                             f'{list(MASKED_LAYOUTS)}, got {masked_impl!r}')
        self.in_channels = in_channels
        self.masked_impl = masked_impl
        self.stem_patch_size = stem_patch_size
        self.stem_norm = stem_norm
        self.frozen_stages = frozen_stages
        self.gap_before_final_norm = gap_before_final_norm
        self.final_norm = final_norm
        if final_norm and gap_before_final_norm:
            warn_of_vectors()
        self.norm_eps = norm_cfg['eps'] if norm_cfg else NORM_EPS
        self._build_stages(
            drop_path_rate, use_grn=use_grn, with_cp=with_cp, grn_cfg=grn_cfg,
            layer_scale_init_value=layer_scale_init_value)
        for module in self.modules():
            if isinstance(module, LayerNorm) and module.eps == NORM_EPS:
                module.eps = self.norm_eps
        self._freeze_stages()

    def _build_stages(self, drop_path_rate: float, **block_args) -> None:
        rates = iter(torch.linspace(
            0, drop_path_rate, sum(self.depths), device='cpu').tolist())
        self.downsample_layers = nn.ModuleList()
        self.stages = nn.ModuleList()
        for i, (depth, channels) in enumerate(zip(self.depths, self.channels)):
            self.downsample_layers.append(
                Downsample(self.channels[i - 1], channels) if i else
                Stem(self.in_channels, channels, self.stem_patch_size,
                     self.stem_norm))
            self.stages.append(
                Stage(*(ConvNeXtV2Block(channels, next(rates), **block_args)
                        for _ in range(depth))))
        if self.final_norm:
            for i in self.out_indices:
                self.add_module(
                    f'norm{i}', LayerNorm2d(self.channels[i], eps=NORM_EPS))

    @property
    def stride(self) -> int:
        """Pixels per site of the last stage, in each direction."""
        return self.stem_patch_size * 2**(self.num_stages - 1)

    def forward(self,
                x: Tensor,
                is_masked: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        """Encode images, or what a mask leaves visible of them.

        Args:
            x (Tensor): (N, in_channels, H, W), both sides at least
                ``stride``. Pixels left over at the right and at the bottom are
                cut off, as in the official model; under a mask there may be
                none.
            is_masked (Tensor, optional): (N, H / stride, W / stride), bool,
                True = masked, best on the host, where reading it stops no
                device. Equal numbers of visible patches cost least. Defaults
                to None, the whole image.

        Returns:
            tuple[Tensor]: For each of ``out_indices`` (N, C_i, H_i, W_i),
            contiguous, or (N, C_i) with ``gap_before_final_norm``. H_i is
            H // (4 * 2**i) with the default stem. Zero where masked.

        Raises:
            TypeError: If the mask is not a tensor of type bool.
            ValueError: If ``x`` is not 4-dimensional or too small; if the mask
                does not fit the images, leaves nothing of one visible, or
                outputs are averaged over their sites.
        """
        is_traced = isinstance(is_masked, torch.fx.Proxy)
        x = checked_images(x, self.stride, is_masked if is_traced else None)
        layout = DENSE_GRID
        if is_masked is not None and not is_traced:
            layout = self._masked_layout(x, is_masked)
        x = layout.pack(x)
        outs = []
        for i, stage in enumerate(self.stages):
            x = stage(self.downsample_layers[i](x), layout)
            if i in self.out_indices:
                outs.append(self._output(x, i, layout))
        return tuple(outs)

    def _masked_layout(self, x: Tensor, is_masked: Tensor) -> DenseGrid:
        if self.final_norm and self.gap_before_final_norm:
            raise ValueError(
                'ConvNeXtV2: with gap_before_final_norm=True outputs are '
                'averaged over all sites, which has no meaning under a mask; '
                'set final_norm=False (as for FCMAE) or '
                'gap_before_final_norm=False')
        sides = [2**i for i in reversed(range(self.num_stages))]
        return build_layout(self.masked_impl, x, is_masked, self.stride, sides)

    def _output(self, x: Tensor, stage: int, layout: DenseGrid) -> Tensor:
        if self.final_norm:
            norm = getattr(self, f'norm{stage}')
            if self.gap_before_final_norm:
                # Of this view the gradient is channels-last, too.
                x = x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True)
                return norm(x.permute(0, 3, 1, 2)).flatten(1)
            x = norm(x)
        # The one copy of a map: mmcv's RoIAlign, for one, reads memory as
        # channels-first, whatever the strides.
        return layout.unpack(x).contiguous()

    def init_weights(self) -> None:
        """Initialise as ``init_cfg`` says.

        ``type='Pretrained'`` takes the formats of ``ConvNeXtPretrainedInit``.
        """
        from mmconvnextv2.checkpoint.pretrained import recognising
        given, self.init_cfg = self.init_cfg, recognising(self.init_cfg)
        try:
            super().init_weights()
        finally:
            self.init_cfg = given

    def _freeze_stages(self) -> None:
        for i in range(self.frozen_stages):
            for module in (self.downsample_layers[i], self.stages[i]):
                module.eval()
                module.requires_grad_(False)

    def train(self, mode: bool = True) -> 'ConvNeXtV2':
        """Set the training mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        self._freeze_stages()
        return self

    def get_layer_depth(self,
                        param_name: str,
                        prefix: str = '') -> Tuple[int, int]:
        """Find a parameter's group-wise layer id, and the number of ids.

        For mmpretrain's layer-decay code. ``prefix`` begins the names of this
        backbone's parameters.
        """
        name = (param_name[len(prefix):] if param_name.startswith(prefix)
                else None)
        layer = find_layer('group_wise', name, self.depths)
        return layer.layer_id, layer.last_id + 1
