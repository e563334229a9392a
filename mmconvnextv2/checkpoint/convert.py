"""From and to the names and layouts of other code bases: pure functions."""
import re
from typing import Dict, List, Mapping, NamedTuple, Optional

from torch import Tensor

from .errors import CheckpointError, sample
from .formats import FORMATS, OURS, Format, rename
from .inspection import inspect
from .layouts import from_minkowski, to_minkowski, to_our_layout

# What the names of all layers but output norms and heads begin with.
_LAYERS = ('stages.', 'downsample_layers.', 'stem.', 'embeddings.',
           'encoder.stages.')
# Whose linear layers are 1x1 convolutions in timm.
_TIMM_AS_CONVS = ('atto', 'femto', 'pico', 'nano')


class Source(NamedTuple):
    """What kind of file a state dict is from.

    Attributes:
        format (str): A key of ``FORMATS``.
        prefix (str): What precedes the network's names.
        root (str): What precedes its heads' names.
    """

    format: str
    prefix: str
    root: str


class Mapped(NamedTuple):
    """A translated state dict.

    Attributes:
        state (dict[str, Tensor]): What could be translated.
        left_out (list[str]): The names, before, of what could not.
    """

    state: Dict[str, Tensor]
    left_out: List[str]


def recognise(state: Mapping[str, Tensor]) -> Source:
    """Tell by the names in a state dict whose model it is of.

    Raises:
        CheckpointError: If it is of none of ours, or holds several.
    """
    found = set()
    for name, fmt in FORMATS.items():
        pattern = re.compile(rf'((?:.*\.)?){fmt.signature}')
        matches = (pattern.fullmatch(key) for key in state)
        found.update((name, match[1]) for match in matches if match)
    if not found:
        raise CheckpointError(
            'the names are not those of a ConvNeXt or ConvNeXt V2 in any '
            f'format known here ({", ".join(FORMATS)}); found {sample(state)}')
    if len(found) > 1:
        raise CheckpointError(
            'there are several networks, name one by prefix: ' +
            ', '.join(f'{prefix!r} ({name})'
                      for name, prefix in sorted(found)))
    (name, prefix), = found
    root = prefix
    for wrapper in FORMATS[name].wrappers:
        root = root.removesuffix(wrapper)
    return Source(name, prefix, root)


def to_ours(state: Mapping[str, Tensor],
            source: Optional[Source] = None) -> Mapped:
    """Translate a state dict into our names and layouts.

    Args:
        state (Mapping[str, Tensor]): A state dict of any known format.
        source (Source, optional): What it is. Recognised by default.

    Returns:
        Mapped: Names as in a model of OpenMMLab: ``backbone.``, ``head.fc.``
        of a classifier, ``neck.`` of FCMAE. mmpretrain's are unchanged but
        for what precedes all of them.

    Raises:
        CheckpointError: If it is of no known format.
    """
    source = source or recognise(state)
    fmt = FORMATS[source.format]
    last = _last_stage(state, source)
    mapped = Mapped({}, [])
    for key, value in state.items():
        name = _our_name(key, source, fmt, last)
        if name is None or not isinstance(value, Tensor):
            _refuse_unknown_layer(key, source)
            mapped.left_out.append(key)
            continue
        if name in mapped.state:
            raise CheckpointError(f'{key} and another tensor are both {name}')
        mapped.state[name] = _our_value(key, name, value)
    return mapped


def _last_stage(state: Mapping[str, Tensor], source: Source) -> int:
    stage = re.compile(
        rf'{re.escape(source.prefix)}(?:encoder\.)?stages\.(\d+)\.')
    return max(int(match[1]) for match in map(stage.match, state) if match)


def _refuse_unknown_layer(key: str, source: Source) -> None:
    own = key[len(source.prefix):] if key.startswith(source.prefix) else ''
    if own.startswith(_LAYERS):
        raise CheckpointError(
            f'{key} is nothing that a ConvNeXt or ConvNeXt V2 in the format '
            f'{source.format} has')


def _our_name(key: str, source: Source, fmt: Format,
              last: int) -> Optional[str]:
    if not key.startswith(source.root):
        return None
    if source.format == OURS:
        own = key[len(source.root):]
        return own if source.root != source.prefix else f'backbone.{own}'
    name = None
    if key.startswith(source.prefix):
        pairs = ((b, a) for a, b in fmt.network + fmt.only_read)
        name = rename(key[len(source.prefix):], pairs, last)
    return name or rename(key[len(source.root):],
                          ((b, a) for a, b in fmt.heads), last)


def _our_value(key: str, name: str, value: Tensor) -> Tensor:
    if not key.endswith('.kernel'):
        return to_our_layout(name, value)
    try:
        return from_minkowski(value)
    except ValueError as error:
        raise CheckpointError(f'{key}: {error}') from error


def from_ours(state: Mapping[str, Tensor], target: str) -> Mapped:
    """Translate a state dict of ours into another code base's.

    Args:
        state (Mapping[str, Tensor]): Our names, ``backbone.`` first.
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
    fmt, last = FORMATS[target], len(network.depths) - 1
    prefix = ''
    if fmt.wrappers and target != 'official':
        # Hugging Face's are named after V2 and V1.
        prefix = fmt.wrappers[0 if network.has_grn else -1]
    as_convs = target != 'timm' or network.name in _TIMM_AS_CONVS
    mapped = Mapped({}, [])
    for name, value in state.items():
        key = rename(name, fmt.network, last)
        key = rename(name, fmt.heads, last) if key is None else prefix + key
        if key is None:
            mapped.left_out.append(name)
        else:
            mapped.state[key] = _their_value(key, value, fmt, as_convs)
    return mapped


def _their_value(key: str, value: Tensor, fmt: Format,
                 as_convs: bool) -> Tensor:
    if key.endswith('.kernel'):
        return to_minkowski(value, depthwise='dwconv' in key)
    if as_convs and fmt.as_convs and re.fullmatch(fmt.as_convs, key):
        return value[:, :, None, None]
    for pattern, shape in fmt.vectors:
        if re.fullmatch(pattern, key):
            return value.reshape(shape)
    return value
