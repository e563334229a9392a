"""Find types that do not exist, and arguments that they do not take."""
import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import Parameter
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from mmengine.registry import DefaultScope, Registry

# Keys that MMEngine takes out of a part before it builds the rest.
_TAKEN = ('type', '_scope_', 'priority', 'convert_to_iter_based', 'by_epoch',
          'num_batch_per_epoch', 'disable_subprocess_warning')
# Packages whose annotations can be trusted.
_TRUSTED = ('mmengine', 'torch', 'mmconvnextv2')
_NEVER_TEXT = (bool, int, float, list, tuple, dict, type(None))
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class Mistake(NamedTuple):
    """A mistake in a config, at a key such as 'model.bbox_head[0].type'."""

    key: str
    problem: str


def similar(name: str, candidates: Iterable[str]) -> str:
    """Ask for similar names: '' or a sentence with a space in front."""
    found = difflib.get_close_matches(
        str(name), sorted(set(candidates) - {name}), n=2)
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ''


def part_mistakes(path: str, part: Mapping, registry: Registry,
                  added: Iterable[str] = ()) -> Iterator[Mistake]:
    """Find a type that does not exist, or arguments that it does not take.

    ``added`` names arguments that MMEngine adds.
    """
    kind, searched, error = _look_up(registry, part['type'],
                                     part.get('_scope_'))
    if isinstance(error, ImportError):
        yield Mistake(f'{path}.type', f'{part["type"]!r} cannot be imported: '
                      f'{error}')
    elif kind is None:
        yield _unknown_type(path, part['type'], searched)
    if callable(kind):
        yield from argument_mistakes(path, kind, part, added)


def find_type(registry: Registry, kind: Any,
              scope: str | None = None) -> tuple[Any, Registry]:
    """Find a type, None if there is none, and the registry of its scope."""
    return _look_up(registry, kind, scope)[:2]


def _look_up(registry: Registry, kind: Any, scope: str | None
             ) -> tuple[Any, Registry, Exception | None]:
    """Do what ``find_type`` does, and return the error that was met."""
    with registry.switch_scope_and_registry(scope) as found:
        try:
            kind = found.get(kind) if isinstance(kind, str) else kind
        except (RuntimeError, ImportError) as error:
            return None, found, error
        return kind, found, None


def _unknown_type(path: str, name: str, registry: Registry) -> Mistake:
    names, searched = set(), registry
    while searched is not None:
        names.update(searched.module_dict)
        searched = searched.parent
    scope = DefaultScope.get_current_instance()
    other = f' (default_scope is {scope.scope_name!r})' if scope and \
        scope.scope_name != registry.scope else ''
    guess = similar(name, names) or similar(name.rpartition('.')[2], names)
    return Mistake(
        f'{path}.type', f'there is no {registry.name} {name!r} in '
        f'{registry.scope}{other}.{guess} A class of your own must be '
        'registered and its module be in custom_imports')


def argument_mistakes(path: str, kind: Callable, part: Mapping,
                      added: Iterable[str] = ()) -> Iterator[Mistake]:
    """Find arguments that a class or function does not take, or misses."""
    name = getattr(kind, '__name__', str(kind))
    given = {x for x in part if x not in _TAKEN}
    known, takes_more = arguments_of(kind)
    for unknown in () if takes_more else given - set(known):
        yield Mistake(f'{path}.{unknown}', f'{name} has no such argument.'
                      f'{similar(unknown, known)} It takes '
                      f'{", ".join(x for x in known if x not in added)}')
    for missing in () if takes_more or not inspect.isclass(kind) else known:
        if known[missing].default is Parameter.empty and missing not in {
                *given, *added}:
            yield Mistake(f'{path}.{missing}', f'is missing; {name} needs it.'
                          f'{similar(missing, given - set(known))}')
    if str(getattr(kind, '__module__', '')).split('.')[0] in _TRUSTED:
        for key, parameter in known.items():
            kinds = parameter.annotation
            if isinstance(part.get(key), str) and _is_never_text(kinds):
                yield Mistake(f'{path}.{key}', f'got {part[key]!r}, expected '
                              f'{inspect.formatannotation(kinds)}')


def _is_never_text(annotation: Any) -> bool:
    kinds = get_args(annotation) if get_origin(annotation) in (
        Union, UnionType) else (annotation, )
    return all((get_origin(x) or x) in _NEVER_TEXT for x in kinds)


def arguments_of(kind: Callable) -> tuple[dict[str, Parameter], bool]:
    """Read what a class or function takes by name, and if it may take more.

    Behind ``**kwargs`` its base classes are read.
    """
    found: dict[str, Parameter] = {}
    levels = [x.__init__ for x in kind.__mro__ if '__init__' in vars(x)
              ] if inspect.isclass(kind) else [kind]
    for number, level in enumerate(levels):
        try:
            parameters = inspect.signature(level).parameters.values()
        except (TypeError, ValueError):  # of code in C
            return found, True
        for x in parameters:
            if x.kind in _BY_NAME and x.name != 'self':
                found.setdefault(x.name, x)
        if all(x.kind is not Parameter.VAR_KEYWORD for x in parameters):
            return found, number > 0
    return found, True
