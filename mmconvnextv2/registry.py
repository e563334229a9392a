"""Registries of this package.

Each is a child of MMEngine's root registry with the scope ``mmconvnextv2``.
Public classes are registered in both, so that ``mmconvnextv2.ConvNeXtV2`` and
plain ``ConvNeXtV2`` resolve from the scope of every OpenMMLab package. Where
another package holds a plain name first, it keeps it, as mmpose does with
``LayerDecayOptimWrapperConstructor``; the prefix always means ours.
"""
import contextlib
import importlib
from typing import Callable, Optional, TypeVar

from mmengine import registry as root
from mmengine.registry import Registry

_T = TypeVar('_T', bound=Callable)

_SCOPE = 'mmconvnextv2'


class _Models(Registry):
    """Import what needs mmpretrain, and seconds, when it is looked up."""

    def get(self, key: str) -> Optional[type]:
        if key.rpartition('.')[2] in ('FCMAE', 'FCMAETransformerDecoder'):
            importlib.import_module(f'{_SCOPE}.models.selfsup')
        return super().get(key)


def _child(parent: Registry, *modules: str, kind: type = Registry) -> Registry:
    """Make a child registry; modules are imported when a name is looked up."""
    return kind(parent.name, parent=parent, scope=_SCOPE,
                locations=[f'{_SCOPE}.{x}' for x in modules])


MODELS = _child(root.MODELS, 'models', kind=_Models)
# The modules of these three need mmdet, mmseg or mmpretrain.
TRANSFORMS = _child(root.TRANSFORMS, 'datasets.transforms')
DATASETS = _child(root.DATASETS, 'datasets.coco', 'datasets.folder_seg')
METRICS = _child(root.METRICS, 'datasets.coco')
HOOKS = _child(root.HOOKS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(root.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
RUNNERS = _child(root.RUNNERS, 'engine')
STRATEGIES = _child(root.STRATEGIES, 'engine')


def register(registry: Registry) -> Callable[[_T], _T]:
    """Register a class or function in a registry and in its root.

    Args:
        registry (Registry): One of this module.

    Returns:
        Callable: A decorator.
    """

    def decorate(cls: _T) -> _T:
        registry.register_module(module=cls)
        with contextlib.suppress(KeyError):  # Another package holds the name.
            registry.parent.register_module(module=cls)
        return cls

    return decorate


def absent(package: str) -> type:
    """Make a stand-in for a base class from a package that is not installed.

    Args:
        package (str): Name of the package.

    Returns:
        type: A class; building what derives from it raises ImportError.
    """

    def refuse(self: object, *args: object, **kwargs: object) -> None:
        raise ImportError(
            f'mmconvnextv2.{type(self).__name__} is built on {package}, which '
            'is not installed. How to install it: README.md of mmconvnextv2, '
            'section "Installation".')

    return type('Absent', (), dict(__init__=refuse))
