"""Who reads a backbone's outputs, and with how many channels."""
import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Optional

from mmconvnextv2.config.walk import parts, type_name, walk
from mmconvnextv2.errors import CommandError
from .probe import Outputs, listed, run_neck

Settings = dict[tuple, Any]
# Keys of channels, and the level of each where the part does not say it.
_CHANNELS = dict(
    in_channels=-1, in_channel=-1, input_features=-1, c1_in_channels=0)
_WIDEN = ('widen_factor', )  # By it, parts of mmyolo multiply all channels.
_NO_READERS = ('backbone', 'neck', 'data_preprocessor', 'train_cfg',
               'test_cfg', 'init_cfg')


class Found(NamedTuple):
    """What reads a backbone's outputs.

    Attributes:
        settings (dict): New channels by the paths of the old.
        levels (set[int]): Which of the outputs are read.
    """

    settings: Settings
    levels: set[int]


def find_readers(owner: Mapping, old: Outputs, new: Outputs,
                 scope: str) -> Found:
    """Find what to set in neck and heads.

    The necks are run on the old and on the new maps: heads behind a neck that
    gives the same channels as before stay as they are.

    Args:
        owner (Mapping): The part of the model that has the backbone.
        old (Outputs): What the config's backbone gives.
        new (Outputs): What replaces it, an output for each.
        scope (str): Package whose names the config uses.

    Raises:
        CommandError: If a part reads maps of different channels as if they
            were alike, or a neck does not run.
    """
    settings: Settings = {}
    levels: set[int] = set()
    given = list(necks(owner))
    for path, neck in given:
        found = _matches(neck, old, new, nested=False).settings
        try:
            old, read = run_neck(neck, scope, old)
            if _WIDEN in found and ('out_channels', ) not in found:
                found['out_channels', ] = (
                    old.channels[0] if isinstance(neck['out_channels'], int)
                    else old.channels)
        except CommandError:
            # It needs a GPU, or more than maps. What reads new channels is
            # taken to write the old ones.
            if found and not {('out_channels', ), _WIDEN} & set(found):
                settings.update({path + key: x for key, x in found.items()})
                start = neck.get('start_level', 0)
                return Found(settings, set(range(start, len(old.shapes))))
            raise
        settings.update({path + key: x for key, x in found.items()})
        changed = {**neck, **{key[0]: x for key, x in found.items()}}
        try:
            new, _ = run_neck(changed, scope, new)
        except CommandError as error:
            raise CommandError(
                f'its {".".join(map(str, path))} takes other maps than those '
                f'of ConvNeXt V2: {error}') from error
        levels = levels or set(read)
        if old.channels == new.channels:
            return Found(settings, levels)
    for name, part in heads(owner):
        found = _matches(part, old, new, nested=True)
        settings.update({(name, *k): v for k, v in found.settings.items()})
        if not given:
            levels |= found.levels - _listed_in_vain(part, scope, old)
    return Found(settings, levels)


def _listed_in_vain(part: Any, scope: str, old: Outputs) -> set[int]:
    """Find outputs that heads list and do not read, as EncNet's does."""
    unread: set[int] = set()
    for _, node in walk(part):
        index = node.get('in_index')
        if isinstance(index, (list, tuple)) and 'type' in node:
            with contextlib.suppress(CommandError):
                unread |= set(index) - set(run_neck(node, scope, old)[1])
    return unread


def heads(owner: Mapping) -> Iterator[tuple[str, Any]]:
    """Yield name and config of the parts that are not before the heads."""
    for name, part in owner.items():
        if (isinstance(part, (Mapping, list, tuple))
                and name not in _NO_READERS and 'teacher' not in name):
            yield name, part


def necks(owner: Mapping) -> Iterator[tuple[tuple, Mapping]]:
    """Yield path and config of each neck, in their order."""
    given = owner.get('neck') or ()
    if isinstance(given, Mapping):
        yield ('neck', ), given
    else:
        yield from ((('neck', i), x) for i, x in enumerate(given))


def without_levels(owner: Mapping, levels: list[int],
                   count: int) -> Optional[tuple[dict, Settings]]:
    """Let neck and heads count only some of the outputs.

    Args:
        owner (Mapping): The part of the model that has the backbone.
        levels (list[int]): Those that are left.
        count (int): How many there were.

    Returns:
        tuple: The owner and what was set in it, channels aside; None if its
        parts have no argument for that.
    """
    owner = copy.deepcopy(dict(owner))
    settings: Settings = {}
    given = list(necks(owner))
    if given:
        path, neck = given[0]
        if levels == [count - 1] and isinstance(
                neck.get('in_channels', neck.get('in_channel')), int):
            return owner, settings  # It reads the last, whatever the number.
        start = neck.get('start_level')
        if levels != list(range(start or 0, count)) or neck.get(
                'end_level', -1) >= 0:
            return None
        settings[path + ('start_level', )] = neck['start_level'] = 0
        neck['in_channels'] = [neck['in_channels'][i] for i in levels]
        return owner, settings
    for name, part in heads(owner):
        for path, node in walk(part, (name, )):
            index = node.get('in_index')
            if index is None or index == -1:
                continue
            if not set(listed(index)) <= set(levels):
                return None
            new = [levels.index(i) for i in listed(index)]
            new = new[0] if isinstance(index, int) else type(index)(new)
            if new != index:
                settings[path + ('in_index', )] = node['in_index'] = new
    return owner, settings


def _matches(part: Any, old: Outputs, new: Outputs, nested: bool) -> Found:
    """Find the channels in a part that are those of the old outputs."""
    found = Found({}, set())
    for path, node in walk(part):
        if path and not nested:
            continue
        for key, default in _CHANNELS.items():
            index = node.get('in_index') if default else default
            index = default if index is None else index
            read = _multiplied(node.get(key), node.get('widen_factor', 1))
            if match := _match(node, read, old, new, index):
                found.settings[path + (key, )], levels = match
                found.levels.update(i % len(old.shapes) for i in levels)
                if node.get('widen_factor', 1) != 1:
                    found.settings[path + _WIDEN] = 1.
        # What cuts regions out of the maps keeps their channels, and some
        # necks hand the maps on before those of their own.
        out, given = node.get('out_channels'), node.get('in_channels')
        first = found.settings.get(path + ('in_channels', ))
        if 'featmap_strides' in node and old.channels == [out]:
            found.settings[path + ('out_channels', )] = new.channels[0]
        elif first and node.get('num_convs') == 0 and (
                node.get('channels') == given):
            found.settings[path + ('channels', )] = first
        elif first and isinstance(out, (list, tuple)) and isinstance(
                given, type(out)) and given == out[:len(given)]:
            found.settings[path + ('out_channels', )] = (
                first + out[len(given):])
    return found


def _multiplied(channels: Any, factor: float) -> Any:
    """Multiply channels as mmyolo's necks and heads do."""
    if factor == 1 or not channels:
        return channels
    if isinstance(channels, int):
        return round(channels * factor)
    return type(channels)(round(x * factor) for x in channels)


def _match(node: Mapping, given: Any, old: Outputs, new: Outputs,
           index: Any) -> Optional[tuple[Any, Sequence[int]]]:
    """Return new channels and the levels that they are of, or None."""
    before, after = old.channels, new.channels
    if isinstance(given, (list, tuple)):
        asked = index if isinstance(index, (list, tuple)) else range(
            len(before))
        levels = _levels(given, before, list(asked))
        return levels and (type(given)(after[i] for i in levels), levels)
    if isinstance(index, (list, tuple)):
        index = index[-1]
    if not isinstance(given, int) or not (
            -len(before) <= index < len(before)) or before[index] != given:
        return None
    if 'in_index' not in node and index == -1 and len(set(before)) == 1 < len(
            set(after)):
        raise CommandError(
            f'{type_name(node)} reads all maps with the same number of '
            f'channels, {given}; those of ConvNeXt V2 have {after}')
    return after[index], [index]


def _levels(given: Sequence[int], before: Sequence[int],
            asked: list[int]) -> Optional[list[int]]:
    """Find the levels whose channels are listed."""
    if max(asked) < len(before):
        for levels in (asked, asked[::-1]):
            if list(given) == [before[i] for i in levels]:
                return levels
    if len(set(before)) == len(before) and set(given) <= set(before):
        return [list(before).index(x) for x in given]
    return None


def refuse_what_needs_its_backbone(owner: Mapping) -> None:
    """Refuse parts that hold pieces of the backbone.

    Raises:
        CommandError: If there are some.
    """
    for path, part in parts({k: v for k, v in owner.items()
                             if k != 'backbone'}):
        if type_name(part) == 'ResLayer':
            raise CommandError(
                f'{path} is a ResLayer, the last stage of a ResNet: such a '
                '"C4" head is half of the backbone. Take the config with FPN')
        if 'rfp_backbone' in part:
            raise CommandError(
                f'{path} ({type_name(part)}) leads its maps back into a '
                'second backbone of a type of its own')
    for _, part in parts(owner['backbone']):
        if 'backbone_cfg' in part:
            raise CommandError(
                f'{type_name(part)} is a whole network around a backbone of '
                'its own (backbone_cfg)')
