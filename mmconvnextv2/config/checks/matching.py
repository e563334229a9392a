"""Whether parts of a config, modules and source lines belong together."""
import inspect
from typing import Any, Mapping, Optional, Tuple

from mmengine.registry import DATASETS, TRANSFORMS, DefaultScope

from .names import look_up


def deepest(model: Any, name: str) -> Tuple[str, Any, str]:
    """Follow a module's name into the config as far as it goes.

    Returns:
        tuple[str, Any, str]: Path and part of the config, and how much of the
        name that is.
    """
    path, parts = 'model', name.split('.') if name else []
    for i, part in enumerate(parts):
        if part == 'module' and isinstance(model, Mapping):
            continue  # of a wrapper
        if isinstance(model, Mapping) and isinstance(
                model.get(part), (Mapping, list, tuple)):
            model, path = model[part], f'{path}.{part}'
        elif isinstance(model, (list, tuple)) and part.isdigit() and int(
                part) < len(model):
            model, path = model[int(part)], f'{path}[{part}]'
        else:
            return path, model, '.'.join(parts[:i])
    return path, model, name


def in_common(node: Mapping, built: Mapping) -> int:
    """Number of equal items."""
    count = 0
    for key, value in node.items():
        try:
            count += bool(key in built and built[key] == value)
        except (TypeError, ValueError, RuntimeError):  # of tensors, say
            continue
    return count


def is_of(node: Mapping, file: str, line: int, scope: Optional[str]) -> bool:
    """Whether a source line belongs to the class of a node."""
    kind = node.get('type')
    if isinstance(kind, str):
        name = kind
        with DefaultScope.overwrite_default_scope(scope):
            for registry in (TRANSFORMS, DATASETS):
                with registry.switch_scope_and_registry(
                        node.get('_scope_')) as found:
                    kind = look_up(found, name)
                if kind is not None:
                    break
    for base in kind.__mro__ if inspect.isclass(kind) else ():
        try:
            if inspect.getsourcefile(base) != file:
                continue
            lines, first = inspect.getsourcelines(base)
        except (OSError, TypeError):
            continue
        if first <= line < first + len(lines):
            return True
    return False
