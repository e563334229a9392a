"""Write the settings of a config as a person would."""
from collections.abc import Mapping, Sequence
from typing import Any

from .readers import Settings

_WIDTH = 79
_INDENT = '    '


class Name(str):
    """The name of a variable, which stands without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def assignments(settings: Settings) -> list[str]:
    """Write values by their paths as statements of a config file.

    What lies within a list, which a config that inherits can only replace
    whole, is set in the base itself.
    """
    tree: dict = {}
    within = []
    for path, value in settings.items():
        if any(isinstance(key, int) for key in path):
            target = '_base_' + ''.join(
                f'[{key}]' if isinstance(key, int) else f'.{key}'
                for key in path)
            within.append(f'{target} = {written(value, len(target) + 3)}')
            continue
        part = tree
        for key in path[:-1]:
            part = part.setdefault(key, {})
        part[path[-1]] = value
    return [f'{key} = {written(value, len(key) + 3)}'
            for key, value in tree.items()] + within


def written(value: Any, column: int, indent: str = '') -> str:
    """Write a value as ruff formats it, dicts as calls.

    Args:
        value (Any): Dicts, sequences, and what has a ``repr``.
        column (int): Characters before it in its line, and after it.
        indent (str): What the line begins with. Defaults to ''.
    """
    flat = _flat(value)
    if column + len(flat) <= _WIDTH or not value or isinstance(
            value, str) or not isinstance(value, (Mapping, Sequence)):
        return flat
    inner = indent + _INDENT
    if isinstance(value, Mapping):
        items = [f'{key}={written(x, len(f"{inner}{key}=,"), inner)}'
                 for key, x in value.items()]
        begin, end = 'dict(', ')'
    else:
        items = [written(x, len(inner) + 1, inner) for x in value]
        begin, end = '[]' if isinstance(value, list) else '()'
    lines = ''.join(f'{inner}{item},\n' for item in items)
    return f'{begin}\n{lines}{indent}{end}'


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        items = (f'{key}={_flat(x)}' for key, x in value.items())
        return f"dict({', '.join(items)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_flat, value))}]"
    if isinstance(value, tuple):
        inner = ', '.join(map(_flat, value))
        return f'({inner},)' if len(value) == 1 else f'({inner})'
    return repr(value)
