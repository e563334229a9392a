"""Walk through a config: its parts, their paths and their types' names."""
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine import registry
from mmengine.config import Config
from mmengine.registry import MODELS, Registry

_ROOTS = [x for x in vars(registry).values() if isinstance(x, Registry)]
# Keys whose values are types.
_TYPES = ('type', 'constructor', 'runner_type', 'ema_type')
SPLITS = ('train', 'val', 'test')


def type_name(part: Any) -> str:
    """Read the name of a type without its scope, such as 'CocoDataset'.

    ``part`` is a part of a config or its ``type``: a name, a class, a function
    or a partial of one. '' is none.
    """
    kind = part.get('type') if isinstance(part, Mapping) else part
    kind = getattr(kind, 'func', kind)  # of a partial
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return name.rpartition('.')[2]


def walk(tree: Any, path: tuple = ()) -> Iterator[tuple[tuple, Mapping]]:
    """Yield path and content of each dict, from the outside in.

    Paths are keys and indices; ``path`` is that of ``tree`` itself.
    """
    if isinstance(tree, Mapping):
        yield path, tree
        for key, child in list(tree.items()):
            yield from walk(child, path + (key, ))
    elif isinstance(tree, (list, tuple)):
        for index, child in enumerate(tree):
            yield from walk(child, path + (index, ))


def parts(tree: Any, path: str = '') -> Iterator[tuple[str, Mapping]]:
    """Yield the same with paths as text, such as 'model.decode_head[0]'."""
    for keys, part in walk(tree):
        inner = ''.join(f'[{x}]' if isinstance(x, int) else f'.{x}'
                        for x in keys)
        yield (path + inner).removeprefix('.'), part


def part_at(cfg: Any, *keys: str) -> Mapping:
    """Find the part at a path; {} where there is none."""
    for key in keys:
        # A Config is no Mapping.
        cfg = cfg.get(key) if isinstance(cfg, (Config, Mapping)) else None
    return cfg if isinstance(cfg, Mapping) else {}


class LocatedType(str):
    """Name of a type that knows its path, as do all copies of it."""

    path: str

    def __deepcopy__(self, memo: dict) -> 'LocatedType':
        return self

    def __reduce__(self) -> tuple:
        return str, (str(self), )


def locate_types(cfg: Config, splits: Sequence[str]) -> None:
    """Mark the types in a config that a run uses with their paths."""
    unused = tuple(f'{x}_' for x in SPLITS if x not in splits)
    for path, part in parts(dict(cfg.items())):
        kind = part.get('type')
        if isinstance(kind, str) and not path.startswith(unused):
            part['type'] = LocatedType(kind)
            part['type'].path = path


def name_types(cfg: Config) -> None:
    """Name the classes of a new-style config, as in an old-style one.

    Whatever reads a config then finds what it knows. Classes of no registry
    stay as they are. A config without ``default_scope`` gets that of its
    model's package. ``cfg`` is changed.
    """
    found = [(part if path else cfg, key, part[key])
             for path, part in parts(dict(cfg.items()))
             for key in _TYPES if callable(part.get(key))]
    if found and not cfg.get('default_scope'):
        cfg.default_scope = scope_of((cfg.get('model') or {}).get('type'))
    for part, key, kind in found:
        part[key] = _registered_name(kind, cfg.default_scope) or kind


def scope_of(kind: Any) -> str | None:
    """Find the package of OpenMMLab that a type is made for, by its bases."""
    if isinstance(kind, str):
        scopes = [kind.rpartition('.')[0]]
    else:
        packages = (x.__module__.partition('.')[0]
                    for x in getattr(kind, '__mro__', ()))
        scopes = [x for x in packages if x in MODELS.children]
    return next((x for x in scopes if x not in ('', 'mmconvnextv2')), None)


def _registered_name(kind: Any, scope: str | None) -> str | None:
    """Find the name by which a class is found from a scope."""
    for root in _ROOTS:
        # Other packages may hold what is the root's under its name, too.
        own, ours = (root.children.get(x) for x in (scope, 'mmconvnextv2'))
        for node in (own, ours, root, *root.children.values()):
            for name, value in node.module_dict.items() if node else ():
                if value is kind:
                    is_plain = node is own or node is root and (
                        own is None or name not in own.module_dict)
                    return name if is_plain else f'{node.scope}.{name}'
    return None


def normalization_of(cfg: Mapping) -> dict[str, Any]:
    """Read ``mean``, ``std`` and ``bgr_to_rgb`` for ImgDataPreprocessor."""
    given = cfg.get('model', {}).get('data_preprocessor') or cfg.get(
        'data_preprocessor') or {}
    return dict(
        mean=given.get('mean'),
        std=given.get('std'),
        bgr_to_rgb=given.get('to_rgb', given.get('bgr_to_rgb', False)))
