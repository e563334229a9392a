"""Walk through a config: its parts, their paths and their types' names."""
from collections.abc import Iterator, Mapping
from typing import Any

SPLITS = ('train', 'val', 'test')


def type_name(part: Any) -> str:
    """Read the name of a type, without its scope.

    Args:
        part (Any): A part of a config; or the value of its ``type``: a name,
            a class, a function or a partial of one.

    Returns:
        str: Such as 'CocoDataset' for ``dict(type='mmdet.CocoDataset')``; ''
        where there is no type.
    """
    kind = part.get('type') if isinstance(part, Mapping) else part
    kind = getattr(kind, 'func', kind)  # of a partial
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return name.rpartition('.')[2]


def parts(tree: Any, path: str = '') -> Iterator[tuple[str, Mapping]]:
    """Yield the path and content of each dict, from the outside in.

    Args:
        tree (Any): A config or a part of one.
        path (str): Path of ``tree`` itself. Defaults to ''.
    """
    if isinstance(tree, Mapping):
        yield path, tree
        for name, child in list(tree.items()):
            yield from parts(child, f'{path}.{name}' if path else str(name))
    elif isinstance(tree, (list, tuple)):
        for index, child in enumerate(tree):
            yield from parts(child, f'{path}[{index}]')
