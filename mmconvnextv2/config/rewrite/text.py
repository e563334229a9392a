"""Write the settings of a config as a person would."""
import math
from collections.abc import Mapping
from typing import Any

from .channels import Settings

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


def written(value: Any, column: float, indent: str = '') -> str:
    """Write a value as ruff formats it, dicts as calls.

    Args:
        value (Any): Dicts, lists, tuples, and what has a ``repr``.
        column (float): Characters before it in its line, and after it.
        indent (str): What the line begins with. Defaults to ''.
    """
    if isinstance(value, Mapping):
        names, values = [f'{key}=' for key in value], value.values()
        begin, end = 'dict(', ')'
    elif isinstance(value, (list, tuple)):
        names, values = [''] * len(value), value
        begin, end = '[]' if isinstance(value, list) else '()'
    else:
        return repr(value)
    items = [name + written(x, -math.inf) for name, x in zip(names, values)]
    lone = ',' * (isinstance(value, tuple) and len(value) == 1)
    flat = f"{begin}{', '.join(items)}{lone}{end}"
    if column + len(flat) <= _WIDTH or not value:
        return flat
    inner = indent + _INDENT
    items = [inner + name + written(x, len(f'{inner}{name},'), inner)
             for name, x in zip(names, values)]
    return f'{begin}\n' + ''.join(f'{x},\n' for x in items) + indent + end
