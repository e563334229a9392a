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

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import STRATEGIES as MMENGINE_STRATEGIES
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

_T = TypeVar('_T', bound=Callable)

class _Models(Registry):
    """Import what needs mmpretrain, and seconds, when it is looked up."""

    def get(self, key: str) -> Optional[type]:
        if key.rpartition('.')[2] in ('FCMAE', 'FCMAETransformerDecoder'):
            importlib.import_module('mmconvnextv2.models.selfsup')
        return super().get(key)


MODELS = _Models(
    'model',
    parent=MMENGINE_MODELS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.models'])
# Imported when a data set or a transform is looked up: they need mmseg or
# mmpretrain.
TRANSFORMS = Registry(
    'transform',
    parent=MMENGINE_TRANSFORMS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.datasets.transforms'])
# Imported when a data set or a metric is looked up: they need mmdet or mmseg.
DATASETS = Registry(
    'dataset',
    parent=MMENGINE_DATASETS,
    scope='mmconvnextv2',
    locations=[
        'mmconvnextv2.datasets.coco', 'mmconvnextv2.datasets.folder_seg'
    ])
METRICS = Registry(
    'metric',
    parent=MMENGINE_METRICS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.datasets.coco'])
HOOKS = Registry(
    'hook',
    parent=MMENGINE_HOOKS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.engine'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optim wrapper constructor',
    parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.engine'])
RUNNERS = Registry(
    'runner',
    parent=MMENGINE_RUNNERS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.engine'])
STRATEGIES = Registry(
    'strategy',
    parent=MMENGINE_STRATEGIES,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.engine'])


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
