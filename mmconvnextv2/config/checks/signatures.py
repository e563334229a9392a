"""What a class takes, read from the signatures of its constructors."""
import inspect
from collections.abc import Sequence
from inspect import Parameter
from numbers import Real
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple, Union

from .mistakes import shown, similar

try:  # Python 3.10
    from types import UnionType
except ImportError:
    UnionType = None

_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_SCALARS = (bool, int, float, str, type(None))
# Packages whose annotations of numbers can be trusted.
_TRUSTED = ('mmengine', 'torch', 'mmconvnextv2')


def arguments(kind: Callable) -> Dict[str, Parameter]:
    """Arguments by name, also those that ``**kwargs`` hands on to bases."""
    if not inspect.isclass(kind):
        return _by_name(kind)
    found: Dict[str, Parameter] = {}
    for base in kind.__mro__:
        if '__init__' not in vars(base):
            continue
        for name, parameter in _by_name(base.__init__).items():
            if name != 'self':
                found.setdefault(name, parameter)
        if not _takes_any(base.__init__):
            break
    return found


def argument_mistakes(kind: Callable, given: Mapping[str, Any],
                      added: Tuple[str, ...]) -> Iterator[Tuple[str, str]]:
    """Arguments that cannot be right: name and problem of each.

    Args:
        kind (Callable): The class or function.
        given (Mapping[str, Any]): Its arguments.
        added (tuple[str]): Names of arguments that will be added.
    """
    try:
        own = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return
    name = getattr(kind, '__name__', str(kind))
    if all(x.kind is not Parameter.VAR_KEYWORD for x in own.values()):
        allowed = [k for k, x in own.items() if x.kind in _BY_NAME]
        own_names = ', '.join(x for x in allowed if x not in added)
        for unknown in sorted(set(given) - set(allowed)):
            yield unknown, (f'{name} has no such argument.'
                            f'{similar(unknown, allowed)} It takes '
                            f'{own_names}')
    for missing, parameter in own.items():
        if parameter.kind in _BY_NAME and parameter.default is \
                Parameter.empty and missing not in {*given, *added}:
            yield missing, (f'is missing; {name} needs it.'
                            f'{similar(missing, set(given) - set(own))}')
    if _module(kind).split('.')[0] in _TRUSTED:
        known = arguments(kind)
        for key, value in given.items():
            if key in known and is_text_for_number(value, known[key]):
                yield key, (f'expected {expected(known[key])}, got '
                            f'{shown(value)}')


def is_text_for_number(value: Any, parameter: Parameter) -> bool:
    """Whether a string is given where a number is asked for."""
    kinds = _scalars(parameter.annotation)
    return (isinstance(value, str) and bool(kinds) and str not in kinds
            and not isinstance(parameter.default, str))


def contradicts(value: Any, parameter: Parameter) -> bool:
    """Whether a value is not what the annotation says, as far as one can tell.

    OpenMMLab's annotations are not exact, so that proves nothing.
    """
    if parameter.annotation is not Parameter.empty:
        return not _agrees(value, parameter.annotation)
    default = parameter.default
    return (isinstance(default, Real) and isinstance(value, str)) or (
        isinstance(default, str) and isinstance(value, Real))


def expected(parameter: Parameter) -> str:
    """The annotation in words, or that of the default; '' if neither says."""
    if parameter.annotation is not Parameter.empty:
        text = inspect.formatannotation(parameter.annotation)
        return text.replace('typing.', '')
    default = parameter.default
    return type(default).__name__ if isinstance(default, Real) else ''


def _agrees(value: Any, annotation: Any) -> bool:
    """Whether a value is of one of the kinds; True where one cannot tell."""
    if value is None:
        return True
    for kind in _alternatives(annotation):
        kind = getattr(kind, '__origin__', kind)
        if not inspect.isclass(kind) or kind is object:
            return True
        if isinstance(value, bool) and kind is not bool:
            continue
        if isinstance(value, str) and kind is not str:
            continue  # no sequence of anything
        if isinstance(value, kind) or (kind is float
                                       and isinstance(value, Real)):
            return True
        if kind not in (*_SCALARS, list, tuple, dict, Sequence):
            return True
    return False


def _scalars(annotation: Any) -> Tuple[type, ...]:
    """The types of an annotation if all of them are scalars, else none."""
    kinds = _alternatives(annotation)
    return kinds if all(x in _SCALARS for x in kinds) else ()


def _alternatives(annotation: Any) -> Tuple[Any, ...]:
    if isinstance(annotation, str):
        annotation = dict(int=int, float=float, bool=bool, str=str).get(
            annotation, annotation)
    origin = getattr(annotation, '__origin__', None)
    if origin is Union or (UnionType and isinstance(annotation, UnionType)):
        return tuple(annotation.__args__)
    return (annotation, )


def _by_name(kind: Callable) -> Dict[str, Parameter]:
    try:
        parameters = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return {}
    return {k: x for k, x in parameters.items() if x.kind in _BY_NAME}


def _takes_any(kind: Callable) -> bool:
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(x.kind is Parameter.VAR_KEYWORD for x in parameters)


def _module(kind: Callable) -> str:
    return getattr(kind, '__module__', None) or ''
