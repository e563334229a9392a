"""Registries of this package.

Each is a child of MMEngine's root registry with the scope ``mmconvnextv2``.
Public classes are registered in both, so that ``mmconvnextv2.ConvNeXtV2`` and
plain ``ConvNeXtV2`` resolve from the scope of every OpenMMLab package.
"""
from typing import Callable, TypeVar

from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import Registry

_T = TypeVar('_T', bound=type)

MODELS = Registry(
    'model',
    parent=MMENGINE_MODELS,
    scope='mmconvnextv2',
    locations=['mmconvnextv2.models'])
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


def register(registry: Registry) -> Callable[[_T], _T]:
    """Decorator that registers a class in ``registry`` and in its root."""

    def decorate(cls: _T) -> _T:
        registry.register_module(module=cls)
        registry.parent.register_module(module=cls)
        return cls

    return decorate
