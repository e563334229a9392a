"""Checks of the arguments that ConvNeXtV2 shares with other backbones."""
from typing import Optional

from mmconvnextv2.models.layers.block import NORM_EPS


def refuse_other_layers(norm_cfg: Optional[dict], act_cfg: Optional[dict],
                        linear_pw_conv: bool) -> None:
    """Refuse layers that mmpretrain's ConvNeXt has and ConvNeXt V2 has not.

    Raises:
        ValueError: If an argument asks for one.
    """
    # A norm_cfg without eps means 1e-5 in mmpretrain, so it is refused too.
    if norm_cfg is not None and not (
            isinstance(norm_cfg, dict) and set(norm_cfg) == {'type', 'eps'}
            and norm_cfg['type'] in ('LN2d', 'LN', 'mmpretrain.LN2d')
            and norm_cfg['eps'] == NORM_EPS):
        raise ValueError("ConvNeXtV2: the paper's norm is LayerNorm with eps "
                         "1e-6; norm_cfg must be dict(type='LN2d', eps=1e-6) "
                         f'or left out, got {norm_cfg}')
    if act_cfg not in (None, dict(type='GELU')):
        raise ValueError("ConvNeXtV2: the paper's activation is GELU; act_cfg "
                         "must be dict(type='GELU') or left out, got "
                         f'{act_cfg}')
    if not linear_pw_conv:
        raise ValueError(
            'ConvNeXtV2: linear_pw_conv=False is not supported: maps are '
            'channels-last, where a 1x1 convolution is a linear layer. Leave '
            'it out; weights of shape (4C, C, 1, 1) load once reshaped to '
            '(4C, C).')


def check_numbers(in_channels: int, stem_patch_size: int,
                  drop_path_rate: float, frozen_stages: int,
                  num_stages: int) -> None:
    """Check that numbers lie in their ranges.

    Raises:
        ValueError: If one does not.
    """
    if in_channels < 1 or stem_patch_size < 1:
        raise ValueError('ConvNeXtV2: in_channels and stem_patch_size must be '
                         f'positive, got {in_channels} and {stem_patch_size}')
    if not 0 <= drop_path_rate < 1:
        raise ValueError('ConvNeXtV2: drop_path_rate must lie in [0, 1), got '
                         f'{drop_path_rate}')
    # -1 is what OpenMMLab's other backbones call no frozen stage.
    if not -1 <= frozen_stages <= num_stages:
        raise ValueError(f'ConvNeXtV2: frozen_stages must lie in [-1, '
                         f'{num_stages}] for {num_stages} stages, got '
                         f'{frozen_stages}')


_GRN_CFG_KEYS = ('aggregation', 'normalization', 'residual', 'eps')


def check_grn_cfg(use_grn: bool, grn_cfg: Optional[dict]) -> None:
    """Refuse settings of GRN that do not exist or where there is no GRN.

    Raises:
        ValueError: If they are there.
    """
    if not grn_cfg:
        return
    if not use_grn:
        raise ValueError('ConvNeXtV2: grn_cfg changes GRN, which '
                         f'use_grn=False leaves out; got grn_cfg={grn_cfg}')
    unknown = sorted(set(grn_cfg) - set(_GRN_CFG_KEYS))
    if unknown:
        raise ValueError(f'ConvNeXtV2: grn_cfg may have {_GRN_CFG_KEYS} '
                         f'(see GRNVariant), got also {unknown}')


def refuse_two_scales(use_grn: bool, layer_scale_init_value: float) -> None:
    """Refuse GRN and LayerScale in one block, which no paper has.

    Raises:
        ValueError: If both are asked for.
    """
    if use_grn and layer_scale_init_value > 0:
        raise ValueError(
            'ConvNeXtV2: a block has GRN (ConvNeXt V2) or LayerScale '
            '(ConvNeXt), not both; got use_grn=True and '
            f'layer_scale_init_value={layer_scale_init_value}. Set '
            'layer_scale_init_value=0. or use_grn=False.')
