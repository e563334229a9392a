"""Architectures of ConvNeXt V2 and ConvNeXt, and checks of arguments."""
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

from mmconvnextv2.models.layers.norm import NORM_EPS

# Name: (channels of the first stage, blocks of each stage).
# ConvNeXt V2, Section 3.3 and Appendix A.1; small and xlarge are the
# sizes that only ConvNeXt has.
ARCHS = {
    'atto': (40, (2, 2, 6, 2)),
    'femto': (48, (2, 2, 6, 2)),
    'pico': (64, (2, 2, 6, 2)),
    'nano': (80, (2, 2, 8, 2)),
    'tiny': (96, (3, 3, 9, 3)),
    'small': (96, (3, 3, 27, 3)),
    'base': (128, (3, 3, 27, 3)),
    'large': (192, (3, 3, 27, 3)),
    'xlarge': (256, (3, 3, 27, 3)),
    'huge': (352, (3, 3, 27, 3)),
}


class Arch(NamedTuple):
    """Blocks and channels of each stage."""

    depths: Tuple[int, ...]
    channels: Tuple[int, ...]


def resolve_arch(arch: Union[str, dict]) -> Arch:
    """Look an architecture up by name, or check the one given.

    Args:
        arch (str | dict): A key of ``ARCHS``, or ``dict(depths=[...],
            channels=[...])`` with a positive number per stage in each.

    Raises:
        TypeError: If it is neither a string nor a dict.
        ValueError: If the name is unknown or the dict not of that form.
    """
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise ValueError(f'arch must be one of {list(ARCHS)} or a dict '
                             f'with depths and channels, got {arch!r}')
        width, depths = ARCHS[arch]
        return Arch(depths, tuple(width * 2**i for i in range(len(depths))))
    if not isinstance(arch, dict):
        raise TypeError('arch must be a name or a dict with depths and '
                        f'channels, got {type(arch).__name__}')
    if set(arch) != {'depths', 'channels'}:
        raise ValueError('an arch dict must have the keys depths and '
                         f'channels, got {sorted(map(str, arch))}')
    depths, channels = arch['depths'], arch['channels']
    for name, value in (('depths', depths), ('channels', channels)):
        if not (isinstance(value, Sequence) and value
                and all(isinstance(v, int) and v > 0 for v in value)):
            raise ValueError(f'arch {name} must be a non-empty sequence of '
                             f'positive integers, got {value!r}')
    if len(depths) != len(channels):
        raise ValueError('arch depths and channels must have one entry per '
                         f'stage each, got {depths} and {channels}')
    return Arch(tuple(depths), tuple(channels))


def resolve_out_indices(out_indices: Union[int, Sequence[int]],
                        num_stages: int) -> List[int]:
    """Sort stage indices, of which negative ones count from the end.

    Raises:
        TypeError: If they are not an int or a sequence of ints.
        ValueError: If there is none, one twice, or one out of range.
    """
    indices = [out_indices] if isinstance(out_indices, int) else out_indices
    if isinstance(indices, str) or not isinstance(
            indices, Sequence) or not all(isinstance(i, int) for i in indices):
        raise TypeError('out_indices must be an int or a sequence of ints, '
                        f'got {out_indices!r}')
    if not all(-num_stages <= i < num_stages for i in indices):
        raise ValueError(f'out_indices must lie in [-{num_stages}, '
                         f'{num_stages - 1}] for {num_stages} stages, got '
                         f'{out_indices!r}')
    resolved = sorted({i % num_stages for i in indices})
    if not resolved or len(resolved) != len(indices):
        raise ValueError('out_indices must name at least one stage and none '
                         f'twice, got {out_indices!r}')
    return resolved


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
    # OpenMMLab's other backbones take -1 for no frozen stage.
    if not -1 <= frozen_stages <= num_stages:
        raise ValueError(f'ConvNeXtV2: frozen_stages must lie in [-1, '
                         f'{num_stages}] for {num_stages} stages, got '
                         f'{frozen_stages}')


def check_scales(use_grn: bool, grn_cfg: Optional[dict],
                 layer_scale_init_value: float) -> None:
    """Check GRN and LayerScale, of which a block has one at most.

    Raises:
        ValueError: If both are asked for, or if ``grn_cfg`` has unknown keys
            or there is no GRN.
    """
    if use_grn and layer_scale_init_value > 0:
        raise ValueError(
            'ConvNeXtV2: a block has GRN (ConvNeXt V2) or LayerScale '
            '(ConvNeXt), not both; got use_grn=True and '
            f'layer_scale_init_value={layer_scale_init_value}. Set '
            'layer_scale_init_value=0. or use_grn=False.')
    if grn_cfg and not use_grn:
        raise ValueError('ConvNeXtV2: grn_cfg changes GRN, which '
                         f'use_grn=False leaves out; got grn_cfg={grn_cfg}')
    keys = ('aggregation', 'normalization', 'residual', 'eps')
    unknown = sorted(set(grn_cfg or ()) - set(keys))
    if unknown:
        raise ValueError(f'ConvNeXtV2: grn_cfg may have {keys} '
                         f'(see GRNVariant), got also {unknown}')
