"""Find the argument that an error is about, and put the error into words."""
import re
from typing import Any, Dict, List, Mapping, Optional

from mmengine.registry import build_from_cfg

from .frames import Frame
from .mistakes import (
    Mistake,
    joined,
    nodes,
    shortened,
    shown,
    similar,
    type_name,
)
from .names import unknown_name
from .signatures import arguments, contradicts, expected
from .statements import condition, names_at_lines
from .suspects import most_suspect
from .tracing import Origin

_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
_MISSING = re.compile(
    r"missing \d+ required (?:positional|keyword-only) arguments?: '(\w+)'")
_NOT_REGISTERED = re.compile(r'^(\S+) is not in the .* registry|'
                             r'^Failed to get (\S+)$')
_DOTTED = re.compile(r'\b([A-Za-z_]\w*)\.([A-Za-z_][\w.]*\w)')
_NOT_IN_SAMPLE = re.compile(
    r"'(?:InstanceData|PixelData|\w*DataSample|BaseDataElement)' object has "
    r"no attribute '(\w+)'")
_LABEL = re.compile(r'Target (\d+) is out of bounds')


def blame(error: BaseException, origin: Origin, cfg: Mapping) -> Mistake:
    """Say what of the config is wrong.

    Args:
        error (BaseException): The error.
        origin (Origin): Where it came from; its path is known.
        cfg (Mapping): The config.
    """
    text = reason(error, origin.frames)
    node = origin.node if isinstance(origin.node, Mapping) else {}
    known = arguments(origin.kind) if origin.kind else {}
    for rule in (_of_registry, _of_signature, _of_labels, _of_samples,
                 _of_nothing, _of_dotted):
        found = rule(text, origin, node, known, cfg)
        if found:
            return found
    names, about = most_suspect(text, origin, node, known), _about(
        origin, text)
    if len(names) == 1:
        value = node[names[0]]
        if names[0] in known and contradicts(value, known[names[0]]):
            about = (f'expected {expected(known[names[0]])}, got '
                     f'{shown(value)}. {about}')
        elif f'got {shown(value)}' not in text:
            about = f'{about} (got {shown(value)})'
    elif names:
        given = ', '.join(f'{x}={shown(node[x])}' for x in names)
        about = f'{about} (got {given})'
    keys = [joined(origin.path, x) for x in names] or [origin.path]
    return Mistake(' and '.join(keys), about)


def reason(error: BaseException, frames: List[Frame]) -> str:
    """An error in words: its message, or the condition that it states."""
    if 'Original Traceback' in str(error):  # of a data loader's worker
        last = str(error).strip().splitlines()[-1]
        text = last.partition(': ')[2] or last
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
        if ' ' not in text:
            text = f'there is no {error.args[0]!r}'
    else:
        text = str(error)
    if not text.strip() or (isinstance(error, AssertionError)
                            and len(text.split()) < 2):
        text = (f'{text} what it needs does not hold: '
                f'{condition(frames)}').strip()
    return shortened(text)


def _name(origin: Origin) -> str:
    """Name of the class that a part of the config builds."""
    return type_name(origin.node) or getattr(origin.kind, '__name__', '')


def _about(origin: Origin, text: str) -> str:
    name = _name(origin)
    if not name:
        return text
    what = 'cannot be built' if origin.is_building else 'failed'
    if text.startswith(f'{name}: '):
        text = text[len(name) + 2:]
    return f'{name} {what}: {text}'


def _of_registry(text: str, origin: Origin, node: Mapping, known: Dict,
                 cfg: Mapping) -> Optional[Mistake]:
    """A type that is in no registry, or is not there at all."""
    found = _NOT_REGISTERED.search(text)
    name = (found.group(1) or found.group(2)) if found else ''
    key = _key_of(name, origin) if found else ''
    for frame, _ in reversed(origin.frames):
        if frame.f_code is build_from_cfg.__code__:
            part, registry = frame.f_locals['cfg'], frame.f_locals['registry']
            if found:
                return unknown_name(key, name, registry, cfg)
            if not isinstance(part, Mapping):
                return _not_a_dict(part, origin, node)
            if 'type' not in part:
                return Mistake(f'{origin.path}.type',
                               f'is missing.{similar("type", part)}')
            break
    return Mistake(key, f'there is nothing of the name {name!r}') if found \
        else None


def _key_of(name: str, origin: Origin) -> str:
    """The key that holds a name, as near as possible."""
    for path, part in nodes(origin.node, origin.path):
        for key, value in part.items():
            if value == name:
                return joined(path, key)
    return origin.path


def _not_a_dict(part: Any, origin: Origin, node: Mapping) -> Mistake:
    keys = [key for key, value in node.items() if value is part]
    path = joined(origin.path, keys[0]) if keys else origin.path
    return Mistake(path, 'expected a dict with the key type, got '
                   f'{shown(part)}')


def _of_dotted(text: str, origin: Origin, node: Mapping, known: Dict,
               cfg: Mapping) -> Optional[Mistake]:
    """A dotted key in the message itself, as our own classes write it."""
    for first, rest in _DOTTED.findall(text):
        if isinstance(node.get(first), Mapping):
            return Mistake(f'{origin.path}.{first}.{rest}',
                           _about(origin, text))
    return None


def _of_signature(text: str, origin: Origin, node: Mapping, known: Dict,
                  cfg: Mapping) -> Optional[Mistake]:
    """An argument that there is not, or that is missing."""
    name = _name(origin) or 'it'
    found = _UNEXPECTED.search(text)
    if found and found.group(1) in node:
        unknown = found.group(1)
        return Mistake(
            joined(origin.path, unknown),
            f'{name} has no such argument.{similar(unknown, known)}')
    found = _MISSING.search(text)
    if found and found.group(1) not in node and (not known
                                                 or found.group(1) in known):
        missing = found.group(1)
        return Mistake(
            joined(origin.path, missing), f'is missing; {name} needs it.'
            f'{similar(missing, set(node) - set(known))}')
    return None


def _of_labels(text: str, origin: Origin, node: Mapping, known: Dict,
               cfg: Mapping) -> Optional[Mistake]:
    """A class of the data that a head does not have."""
    found = _LABEL.search(text)
    # The loss sits in the head.
    heads = [(path, part) for path, part in nodes(cfg)
             if 'num_classes' in part and path
             and origin.path.startswith(path)]
    if not found or not heads:
        return None
    label, (path, head) = int(found.group(1)), heads[-1]
    return Mistake(
        joined(path, 'num_classes'),
        f'expected at least {label + 1}, as the data have a label {label} '
        f'(counted from 0), got {shown(head["num_classes"])}')


def _of_samples(text: str, origin: Origin, node: Mapping, known: Dict,
                cfg: Mapping) -> Optional[Mistake]:
    """What the pipeline has not put into the samples."""
    found = _NOT_IN_SAMPLE.search(text)
    if not found:
        return None
    return Mistake(
        f'{origin.split or "train"}_dataloader.dataset.pipeline',
        f'the samples have no {found.group(1)!r}, which {origin.path} needs: '
        'a step must load it, and the last one pack it')


def _of_nothing(text: str, origin: Origin, node: Mapping, known: Dict,
                cfg: Mapping) -> Optional[Mistake]:
    """A part that is left out, and used all the same."""
    if "'NoneType' object" not in text or not origin.frames:
        return None
    absent = (names_at_lines(origin.frames[-1:]) & set(known)) - set(node)
    if len(absent) != 1:
        return None
    return Mistake(joined(origin.path, absent.pop()),
                   f'is missing; {_about(origin, text)}')
