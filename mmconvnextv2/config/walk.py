"""Walk through a config: its parts, their paths and the names of their types.
"""
from typing import Any, Iterable, Iterator, Mapping, Tuple

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


def joined(path: str, name: Any) -> str:
    """Join a path and a child: 'path.name', 'path[3]', or 'name' at the top.
    """
    if isinstance(name, int):
        return f'{path}[{name}]'
    return f'{path}.{name}' if path else str(name)


def parts(tree: Any, path: str = '') -> Iterator[Tuple[str, Mapping]]:
    """Yield the path and content of each dict, from the outside in.

    Args:
        tree (Any): A config or a part of one.
        path (str): Path of ``tree`` itself. Defaults to ''.
    """
    if isinstance(tree, Mapping):
        yield path, tree
        children: Iterable = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        children = enumerate(tree)
    else:
        return
    for name, child in children:
        yield from parts(child, joined(path, name))
