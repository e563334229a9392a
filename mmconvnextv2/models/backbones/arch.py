"""Architectures of ConvNeXt V2 and ConvNeXt, and checks of arguments."""
import inspect
import logging
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from torch import Tensor

from mmconvnextv2.models.layers.build_grn import GRN_TYPES
from mmconvnextv2.models.layers.grn_variant import GRNVariant

# Packages whose heads and necks take maps.
_TAKE_MAPS = ('mmdet', 'mmdet3d', 'mmpose', 'mmrotate', 'mmseg', 'mmyolo')
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

    Raises:
        ValueError: If it is neither a key of ``ARCHS`` nor a dict of
            ``depths`` and ``channels`` with a positive number per stage.
    """
    if isinstance(arch, str) and arch in ARCHS:
        width, depths = ARCHS[arch]
        return Arch(depths, tuple(width * 2**i for i in range(len(depths))))
    if isinstance(arch, dict) and set(arch) == {'depths', 'channels'}:
        depths, channels = arch['depths'], arch['channels']
        if all(isinstance(x, Sequence) and len(x) == len(depths) > 0 and all(
                isinstance(n, int) and n > 0 for n in x)
               for x in (depths, channels)):
            return Arch(tuple(depths), tuple(channels))
    raise ValueError(f'arch must be one of {list(ARCHS)} or a dict with '
                     'depths and channels, one positive integer per stage in '
                     f'each, got {arch!r}')


def resolve_out_indices(out_indices: Union[int, Sequence[int]],
                        num_stages: int) -> List[int]:
    """Sort stage indices, of which negative ones count from the end.

    Raises:
        ValueError: If there is none, one twice, out of range or no int.
    """
    given = [out_indices] if isinstance(out_indices, int) else out_indices
    if isinstance(given, Sequence) and all(
            isinstance(i, int) and -num_stages <= i < num_stages
            for i in given):
        indices = sorted({i % num_stages for i in given})
        if 0 < len(indices) == len(given):
            return indices
    raise ValueError('out_indices must be one or more integers in '
                     f'[-{num_stages}, {num_stages - 1}], none twice, for '
                     f'{num_stages} stages, got {out_indices!r}')


def warn_of_vectors() -> None:
    """Log that outputs are averaged, where the default scope takes maps."""
    scope = DefaultScope.get_current_instance()
    if scope and scope.scope_name in _TAKE_MAPS:
        print_log(
            'ConvNeXtV2: outputs are vectors (N, C), averaged over their sites'
            ' as for a classifier. Necks and heads of '
            f'{scope.scope_name} take maps (N, C, H, W): set '
            'gap_before_final_norm=False', 'current', logging.WARNING)


def refuse_other_layers(norm_cfg: Optional[dict], act_cfg: Optional[dict],
                        linear_pw_conv: bool) -> None:
    """Refuse layers that mmpretrain's ConvNeXt has and ConvNeXt V2 has not."""
    # A norm_cfg without eps means 1e-5 in mmpretrain, so it is refused too.
    is_ours = norm_cfg is None or (
        isinstance(norm_cfg, dict) and set(norm_cfg) == {'type', 'eps'}
        and _layer_name(norm_cfg) in ('LN2d', 'LN', 'LayerNorm2d')
        and isinstance(norm_cfg['eps'], float) and norm_cfg['eps'] > 0)
    _require(
        is_ours, "the paper's norm is LayerNorm with eps 1e-6; norm_cfg must "
        "be dict(type='LN2d', eps=...) with a positive number or left out, "
        f'got {norm_cfg}')
    is_gelu = act_cfg is None or (
        isinstance(act_cfg, dict) and set(act_cfg) == {'type'}
        and _layer_name(act_cfg) == 'GELU')
    _require(
        is_gelu, "the paper's activation is GELU; act_cfg must be "
        f"dict(type='GELU') or left out, got {act_cfg}")
    _require(
        linear_pw_conv, 'linear_pw_conv=False is not supported: maps are '
        'channels-last, where a 1x1 convolution is a linear layer. Leave it '
        'out; weights of shape (4C, C, 1, 1) load once reshaped to (4C, C).')


def _layer_name(layer_cfg: dict) -> str:
    """Name the type of a layer, which new-style configs give as a class."""
    kind = layer_cfg['type']
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]


def check_numbers(in_channels: int, stem_patch_size: int,
                  drop_path_rate: float, frozen_stages: int,
                  num_stages: int) -> None:
    """Refuse numbers out of range."""
    _require(
        in_channels > 0 and stem_patch_size > 0, 'in_channels and '
        'stem_patch_size must be positive, got '
        f'{in_channels} and {stem_patch_size}')
    _require(0 <= drop_path_rate < 1,
             f'drop_path_rate must lie in [0, 1), got {drop_path_rate}')
    # OpenMMLab's other backbones take -1 for no frozen stage.
    _require(
        -1 <= frozen_stages <= num_stages, 'frozen_stages must lie in [-1, '
        f'{num_stages}] for {num_stages} stages, got {frozen_stages}')


def checked_images(x: Tensor, stride: int, mask: Optional[Tensor]) -> Tensor:
    """Return images; refuse other shapes, and masks where they were traced."""
    if x.ndim != 4 or min(x.shape[-2:]) < stride:
        raise ValueError(
            'ConvNeXtV2 expects images (N, C, H, W) with H and W of at '
            f'least {stride} pixels, got {tuple(x.shape)}')
    _require(mask is None, 'torch.fx traces the encoder of whole images; call '
             'the backbone itself with is_masked')
    return x


def check_scales(use_grn: bool, grn_cfg: Optional[dict],
                 layer_scale_init_value: float) -> None:
    """Refuse GRN beside LayerScale, and a ``grn_cfg`` that has no effect."""
    kind = (grn_cfg or {}).get('type')
    _require(
        kind is None or kind in GRN_TYPES, 'grn_cfg.type must be one of '
        f'{list(GRN_TYPES)}, or left out for GRNVariant, got {kind!r}')
    _require(
        not use_grn or layer_scale_init_value <= 0 or kind is not None,
        'a block has GRN (ConvNeXt V2) or LayerScale (ConvNeXt), not both; '
        f'got use_grn=True and layer_scale_init_value={layer_scale_init_value}'
        '. Set layer_scale_init_value=0. or use_grn=False; for both, '
        "grn_cfg=dict(type='GRN').")
    _require(
        use_grn or not grn_cfg, 'grn_cfg changes GRN, which use_grn=False '
        f'leaves out; got grn_cfg={grn_cfg}')
    arguments = inspect.signature(GRN_TYPES.get(kind, GRNVariant)).parameters
    keys = ('type', ) * bool(kind) + tuple(
        x for x in arguments if x not in ('num_channels', 'data_format'))
    unknown = sorted(set(grn_cfg or ()) - set(keys))
    _require(not unknown, f'grn_cfg may have {keys} (see '
             f'{kind or "GRNVariant"}), got also {unknown}')


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(f'ConvNeXtV2: {message}')
