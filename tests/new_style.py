"""Write a config in MMEngine's new style, with classes instead of names."""
from mmengine import registry
from mmengine.registry import DefaultScope, Registry

_ROOTS = [x for x in vars(registry).values() if isinstance(x, Registry)]
_TYPES = ('type', 'constructor', 'ema_type')


class _Name:

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


def write_new_style(cfg, base, path):
    """Write a config as two files: ``base``, which has all, and ``path``."""
    imports = {}

    def convert(node, key=None):
        if isinstance(node, dict):
            return {k: convert(x, k) for k, x in node.items()}
        if isinstance(node, (list, tuple)):
            return type(node)(map(convert, node))
        if key not in _TYPES or not isinstance(node, str):
            return node
        kind = next(filter(None, (_found(x, node) for x in _ROOTS)), None)
        if kind is None:  # mmcv's NMS, for one
            return node
        alias = f'{kind.__name__}_{len(imports)}'
        imports[alias] = (f'from {kind.__module__} import {kind.__name__} as '
                          f'{alias}')
        return _Name(alias)

    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        content = convert(cfg.to_dict())
    del content['custom_imports'], content['default_scope']
    base.write_text('\n'.join([*imports.values(), *(
        f'{key} = {value!r}' for key, value in content.items())]))
    path.write_text('from mmengine.config import read_base\n'
                    f'with read_base():\n    from .{base.stem} import *\n')


def _found(root, name):
    with root.switch_scope_and_registry(None) as node:
        try:
            return node.get(name)
        except RuntimeError:
            return None
