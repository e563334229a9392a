"""Translate state dicts between the names and layouts of code bases."""
import re
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmconvnextv2.models import ConvNeXtV2
from mmconvnextv2.text import first_of
from .errors import CheckpointError, about
from .formats import FORMATS, OURS, rename
from .layouts import from_minkowski, to_minkowski, to_our_layout
from .network import inspect

# Beginnings of the names of all layers but output norms and heads.
_LAYERS = ('stages', 'downsample_layers.', 'stem', 'embeddings.',
           'encoder.stages.', 'features.', 'blocks.')
_OUR_LAYER = re.compile(r'backbone\.(?:stages|downsample_layers)\.(\d+)\.')
# timm stores the linear layers of these models as 1x1 convolutions.
_TIMM_AS_CONVS = ('atto', 'femto', 'pico', 'nano')
_BACKBONE = 'backbone.'


class Source(NamedTuple):
    """Say what kind of file a state dict is from."""

    format: str  # key of FORMATS
    prefix: str  # prefix of the network's names
    root: str  # prefix of its heads' names


class Need(NamedTuple):
    """Say what a backbone must be for weights to mean the same in it."""

    reason: str
    argument: str
    is_met: Callable[[ConvNeXtV2], bool]


_NORM_FIRST = Need(
    'their last norm comes before the pooling (head_norm_first of timm)',
    'gap_before_final_norm=False', lambda net: not net.gap_before_final_norm or
    not hasattr(net, f'norm{net.num_stages - 1}'))
_EPS = Need("the norms of timm's convnext_xxlarge have eps 1e-5",
            "norm_cfg=dict(type='LN2d', eps=1e-5)",
            lambda net: net.norm_eps == 1e-5)
_XXLARGE = [1536, 0]  # channels of the third stage's blocks 29 and 30


class Mapped(NamedTuple):
    """Hold a translated state dict."""

    state: Dict[str, Tensor]  # all that could be translated
    left_out: List[str]  # original names of the rest
    needs: Tuple[Need, ...] = ()

    def require_same(self, model: nn.Module) -> None:
        """Refuse a model whose backbone would compute other features.

        Raises:
            CheckpointError: If it would; says what to set.
        """
        for net in model.modules():
            for need in self.needs if isinstance(net, ConvNeXtV2) else ():
                if not need.is_met(net):
                    raise CheckpointError(f'{need.reason}: set '
                                          f'{need.argument} of the backbone')


def recognise(state: Mapping[str, Tensor],
              prefix: Optional[str] = None) -> Source:
    """Tell the code base of a state dict by its names.

    Args:
        state (Mapping[str, Tensor]): A state dict of any known format.
        prefix (str, optional): Beginning of the network's names, if there are
            several networks besides MoCo V3's moving average. 'backbone.' also
            stands for the network in files of other code bases, which have no
            such prefix. Networks that are skipped are logged.

    Raises:
        CheckpointError: If no known code base has such names, or if there
            are several networks.
    """
    found = set()
    for name, fmt in FORMATS.items():
        pattern = re.compile(rf'((?:.*\.)?){fmt.signature}')
        matches = (pattern.fullmatch(key) for key in state)
        found.update((match[1], name) for match in matches if match)
    known = found
    networks = ', '.join(f'{x!r} ({name})' for x, name in sorted(found))
    if not found:
        raise CheckpointError(
            'the names are not those of a ConvNeXt or ConvNeXt V2 in any '
            f'known format ({", ".join(FORMATS)}); found {first_of(state)}')
    if prefix is not None:
        prefix = prefix.rstrip('.') + '.'
        named = {x for x in found if x[0].startswith(prefix)}
        if not named and prefix == _BACKBONE:
            named = {x for x in found if x[1] != OURS}
        if not named:
            raise CheckpointError(f'no network has the prefix {prefix!r}; '
                                  f'there is {networks}')
        found = named
    else:  # MoCo V3's moving average is the network once more.
        found = {x for x in found
                 if not x[0].startswith('momentum_encoder.')} or found
    if len(found) > 1:
        raise CheckpointError('there are several networks, name one by '
                              f'prefix: {networks}')
    (root, name), = found
    if skipped := ', '.join(repr(x) for x, _ in sorted(known - found)):
        print_log(f'of several networks {root!r} is taken; skipped: {skipped}',
                  logger='current')
    source = Source(name, root, root)
    for wrapper in FORMATS[name].wrappers:
        source = source._replace(root=source.root.removesuffix(wrapper))
    return source


def to_ours(state: Mapping[str, Tensor],
            source: Optional[Source] = None) -> Mapped:
    """Translate a state dict into the names and layouts of this package.

    Args:
        state (Mapping[str, Tensor]): A state dict of any known format.
        source (Source, optional): Its kind. Recognised if None, the default.

    Returns:
        Mapped: Names as in a model of OpenMMLab: ``backbone.``, ``head.fc.``
        of a classifier, ``neck.`` of FCMAE. mmpretrain's names only lose what
        precedes all of them.

    Raises:
        CheckpointError: If the format is unknown.
    """
    source = source or recognise(state)
    numbers = (_OUR_LAYER.match(_our_name(x, source, 0) or '') for x in state)
    last = max(int(match[1]) for match in numbers if match)
    layers = tuple(source.prefix + layer for layer in _LAYERS)
    mapped = Mapped({}, [])
    for key, value in state.items():
        name = _our_name(key, source, last)
        if name and isinstance(value, Tensor):
            with about(key):
                value = (from_minkowski(value) if key.endswith('.kernel') else
                         to_our_layout(name, value))
            first = mapped.state.setdefault(name, value)
            if first is not value and not torch.equal(first, value):
                raise CheckpointError(
                    f'{key} and another tensor are both {name}')
        elif key.startswith(layers):
            raise CheckpointError(
                f'{key} is no parameter of a ConvNeXt or ConvNeXt V2 in the '
                f'format {source.format}')
        else:
            mapped.left_out.append(key)
    if source.format == 'timm':
        return _as_timm_computes(mapped, state, source.prefix)
    return mapped


def _as_timm_computes(mapped: Mapped, state: Mapping[str, Tensor],
                      prefix: str) -> Mapped:
    """Consider timm's variants of the head and of the norms."""
    if f'{prefix}head.pre_logits.fc.weight' in state:
        # The classes' layer follows one that we have not.
        for leaf in ('head.fc.weight', 'head.fc.bias'):
            if mapped.state.pop(leaf, None) is not None:
                mapped.left_out.append(prefix + leaf)
    needs = []
    if f'{prefix}norm_pre.weight' in state:
        needs.append(_NORM_FIRST)
    widths = [len(mapped.state.get(f'backbone.stages.2.{i}.gamma', ()))
              for i in (29, 30)]
    if widths == _XXLARGE:
        needs.append(_EPS)
    return mapped._replace(needs=tuple(needs))


def _our_name(key: str, source: Source, last: int) -> Optional[str]:
    fmt = FORMATS[source.format]
    if not key.startswith(source.root):
        return None
    outer = key.removeprefix(source.root)
    if source.format == OURS:
        return outer if source.root != source.prefix else _BACKBONE + outer
    inner = fmt.network + fmt.only_read if key.startswith(
        source.prefix) else ()
    return rename(
        key.removeprefix(source.prefix), ((b, a) for a, b in inner),
        last) or rename(outer, ((b, a) for a, b in fmt.heads), last)


def from_ours(state: Mapping[str, Tensor], target: str) -> Mapped:
    """Translate a state dict of this package into another code base's.

    Args:
        state (Mapping[str, Tensor]): Names that begin with ``backbone.``,
            ``head.`` and ``neck.``.
        target (str): A key of ``FORMATS``.

    Returns:
        Mapped: Names as the other code base's whole model has them.

    Raises:
        CheckpointError: If the backbone is not whole.
        ValueError: If ``target`` is no such key.
    """
    if target not in FORMATS:
        raise ValueError(
            f'the target must be one of {list(FORMATS)}, got {target!r}')
    if target == OURS:
        return Mapped(dict(state), [])
    network = inspect(state)
    fmt, last = FORMATS[target], len(network.backbone['arch']['depths']) - 1
    prefix = ''
    if target in ('official-pretraining', 'huggingface'):
        # Hugging Face's are named after V2 and V1.
        prefix = fmt.wrappers[0 if network.backbone['use_grn'] else -1]
    is_other = target == 'timm' and network.name not in _TIMM_AS_CONVS
    as_convs = '' if is_other else fmt.as_convs
    mapped = Mapped({}, [])
    for name, value in state.items():
        key = rename(name, fmt.network, last)
        key = rename(name, fmt.heads, last) if key is None else prefix + key
        if key is None and _OUR_LAYER.match(name):
            raise CheckpointError(
                f'the format {target} has no place for {name}')
        if key is None:
            mapped.left_out.append(name)
        elif re.fullmatch(as_convs, key):
            mapped.state[key] = value[:, :, None, None]
        elif key.endswith('.kernel'):
            mapped.state[key] = to_minkowski(value, 'dwconv' in key)
        else:
            shape = next((shape for pattern, shape in fmt.vectors
                          if re.fullmatch(pattern, key)), value.shape)
            mapped.state[key] = value.reshape(shape)
    return mapped
