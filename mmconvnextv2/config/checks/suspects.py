"""Weigh which arguments of a part an error is about."""
import re
from typing import Any, Dict, List, Mapping, Set

from .signatures import contradicts
from .statements import names_at_lines
from .tracing import Origin

# What a clue weighs; below the least an argument is not blamed.
_IN_MESSAGE, _WRONG_TYPE, _VALUE_IN_MESSAGE = 8, 6, 4
_NEGATIVE, _AT_LINE = 3, 2
_LEAST = 4


def most_suspect(text: str, origin: Origin, node: Mapping,
                 known: Dict) -> List[str]:
    """The arguments that most speaks against, if they stand out."""
    at_line = names_at_lines(origin.frames)
    at_end = names_at_lines(origin.frames[-1:])
    scores = {
        name: _suspicion(name, value, text, known, at_line) +
        _AT_LINE * (name in at_end)
        for name, value in node.items() if name not in ('type', '_scope_')
    }
    highest = max(scores.values(), default=0)
    names = [x for x in scores if scores[x] == highest]
    # Several are blamed only if the message speaks of all.
    if highest < (_LEAST if len(names) == 1 else _IN_MESSAGE):
        return []
    return names


def _suspicion(name: str, value: Any, text: str, known: Dict,
               at_line: Set[str]) -> int:
    score = 0
    if re.search(rf'\b{re.escape(str(name))}\b', text):
        score += _IN_MESSAGE
    if name in known and contradicts(value, known[name]):
        score += _WRONG_TYPE
    in_text = re.findall(r"-?\d+\.?\d*|'[^']*'", text)
    often = max((in_text.count(x) for x in _tellable(value)), default=0)
    if often:
        score += _VALUE_IN_MESSAGE + min(often, 3) - 1
    if any(isinstance(x, (int, float)) and x < 0 for x in _leaves(value)):
        score += _NEGATIVE
    if name in at_line:
        score += _AT_LINE
    return score


def _leaves(value: Any) -> List[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [x for item in value for x in _leaves(item)]
    return [value]


def _tellable(value: Any) -> Set[str]:
    """How a value would show in a message, if that tells it from others."""
    found = {repr(x) for x in _leaves(value)
             if isinstance(x, (int, float, str)) and not isinstance(x, bool)}
    return {x for x in found if len(x) > 1 and x != "''"}


