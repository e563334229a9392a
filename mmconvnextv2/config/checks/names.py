"""Check types and arguments of what MMEngine builds, before it does."""
from contextlib import suppress
from importlib import import_module
from typing import Any, Callable, List, Mapping, Optional, Sequence, Set

from mmengine.registry import DefaultScope, Registry

from .mistakes import Mistake, shown, similar
from .places import Place, places
from .signatures import argument_mistakes
from .values import is_for_mmengine

_SCOPES = ('mmdet', 'mmseg', 'mmpretrain', 'mmengine', 'mmconvnextv2')


def name_mistakes(cfg: Mapping, splits: Sequence[str]) -> List[Mistake]:
    """Find types that do not exist, and arguments that their types refuse.

    Imports what the scope of the config registers, as MMEngine will.

    Args:
        cfg (Mapping): The config, without mistakes in its values.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' are used.
    """
    found: List[Mistake] = []
    if not is_for_mmengine(cfg):
        return found
    with DefaultScope.overwrite_default_scope(
            cfg.get('default_scope', 'mmengine')):
        for place in places(cfg, splits):
            found += _mistakes_at(place, cfg)
    return found


def _mistakes_at(place: Place, cfg: Mapping) -> List[Mistake]:
    kind = place.node['type']
    if isinstance(kind, str):
        with place.registry.switch_scope_and_registry(
                place.node.get('_scope_')) as registry:
            found = look_up(registry, kind)
            if found is None:
                return [unknown_name(place.path, kind, registry, cfg)]
            kind = found
    elif not callable(kind):
        return [
            Mistake(f'{place.path}.type',
                    f'expected a name or a class, got {shown(kind)}')
        ]
    if not place.is_whole:
        return []
    given = {
        k: v
        for k, v in place.node.items()
        if k not in ('type', '_scope_', *place.taken)
    }
    return [
        Mistake(f'{place.path}.{name}', problem)
        for name, problem in argument_mistakes(kind, given, place.added)
    ]


def look_up(registry: Registry, name: str) -> Optional[Callable]:
    """What a name stands for in a registry; None if nothing."""
    try:
        return registry.get(name)
    except (RuntimeError, ImportError):
        return None


def unknown_name(path: str, name: str, registry: Registry,
                 cfg: Mapping) -> Mistake:
    """The mistake of a name that a registry does not have."""
    scope = cfg.get('default_scope')
    if scope and not _scope_exists(scope, registry):
        return Mistake(
            'default_scope', f'there is no package {scope!r} with a registry, '
            f'so {path}.type {name!r} is not found.{similar(scope, _SCOPES)}')
    bare = name.split('.')[-1]
    known = _names(registry)
    guess = similar(bare, known) or (
        f' Did you mean {bare!r}?' if bare != name and bare in known else '')
    others = _scopes_with(bare, registry)
    if others:
        guess += (f' {" and ".join(others)} has it: write '
                  f"'{others[0]}.{bare}', or change default_scope.")
    return Mistake(
        f'{path}.type', f'there is no {registry.name} {name!r} in '
        f'{registry.scope}.{guess} A class of your own must be registered and '
        'its module named in custom_imports')


def _scope_exists(scope: str, registry: Registry) -> bool:
    root: Any = registry.root
    if scope == root.scope or scope in root.children:
        return True
    try:
        import_module(f'{scope}.registry')
    except ImportError:
        return False
    return True


def _scopes_with(name: str, registry: Registry) -> List[str]:
    """Other OpenMMLab packages that have the name."""
    for scope in _SCOPES:
        with suppress(Exception):  # of whatever a broken package raises
            import_module(f'{scope}.registry')
            registry.root.children[scope].import_from_location()
    return [
        scope for scope, other in registry.root.children.items()
        if scope in _SCOPES and name in other.module_dict
        and scope != registry.scope
    ]


def _names(registry: Optional[Registry]) -> Set[str]:
    """Names that can be used in a registry: its own and its parents'."""
    names: Set[str] = set()
    while registry is not None:
        names.update(registry.module_dict)
        registry = registry.parent
    return names
