import subprocess
import sys
from importlib import import_module

import pytest
from mmengine.config import ConfigDict
from mmengine.registry import (
    HOOKS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    STRATEGIES,
    TRANSFORMS,
    DefaultScope,
)

import mmconvnextv2
from mmconvnextv2 import registry


@pytest.mark.parametrize('scope', ['mmengine', 'mmdet', 'mmseg', 'mmpretrain'])
@pytest.mark.parametrize('name', ['ConvNeXtV2', 'GRN'])
def test_prefixed_name_resolves_in_every_package(scope, name):
    models = import_module(f'{scope}.registry').MODELS
    assert models.get(f'mmconvnextv2.{name}') is getattr(mmconvnextv2, name)


@pytest.mark.parametrize('scope', ['mmengine', 'mmdet', 'mmseg', 'mmpretrain'])
def test_plain_backbone_resolves_in_every_package(scope):
    models = import_module(f'{scope}.registry').MODELS
    assert models.get('ConvNeXtV2') is mmconvnextv2.ConvNeXtV2


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
@pytest.mark.parametrize('prefix', ['', 'mmconvnextv2.'])
def test_backbone_builds_under_a_default_scope(scope, prefix):
    import_module(f'{scope}.registry')
    cfg = ConfigDict(
        type=f'{prefix}ConvNeXtV2', arch=dict(depths=[1], channels=[4]))
    with DefaultScope.overwrite_default_scope(scope):
        assert type(MODELS.build(cfg)) is mmconvnextv2.ConvNeXtV2


@pytest.mark.parametrize('scope', ['mmengine', 'mmdet', 'mmseg', 'mmpretrain'])
def test_layer_decay_constructor_resolves_in_every_package(scope):
    constructors = import_module(
        f'{scope}.registry').OPTIM_WRAPPER_CONSTRUCTORS
    name = 'LayerDecayOptimWrapperConstructor'
    assert constructors.get(f'mmconvnextv2.{name}') is constructors.get(name)
    assert constructors.get(name).__module__.startswith('mmconvnextv2.')


@pytest.mark.parametrize('own, root', [
    (registry.MODELS, MODELS),
    (registry.HOOKS, HOOKS),
    (registry.OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPER_CONSTRUCTORS),
    (registry.TRANSFORMS, TRANSFORMS),
    (registry.STRATEGIES, STRATEGIES),
])
def test_registries_are_children_of_the_root(own, root):
    assert own.parent is root
    assert own.scope == 'mmconvnextv2'
    assert root.children['mmconvnextv2'] is own


def test_register_enters_class_in_child_and_root():

    class Thing:
        pass

    try:
        assert registry.register(registry.HOOKS)(Thing) is Thing
        assert registry.HOOKS.module_dict['Thing'] is Thing
        assert HOOKS.module_dict['Thing'] is Thing
    finally:
        registry.HOOKS.module_dict.pop('Thing', None)
        HOOKS.module_dict.pop('Thing', None)


def test_fcmae_is_imported_when_it_is_looked_up():
    program = ('import sys, mmconvnextv2\n'
               'from mmengine.registry import MODELS\n'
               "assert 'mmpretrain' not in sys.modules\n"
               "print(MODELS.get('mmconvnextv2.FCMAE').__module__)")
    done = subprocess.run([sys.executable, '-c', program],
                          capture_output=True, text=True)
    assert done.stdout.split()[-1] == (
        'mmconvnextv2.models.selfsup.fcmae'), done.stderr


_TAKEN = '''
from mmengine.registry import HOOKS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS

theirs = {}
for registry, name in ((MODELS, 'ConvNeXtV2'), (HOOKS, 'SeedHook'), (
        OPTIM_WRAPPER_CONSTRUCTORS, 'LayerDecayOptimWrapperConstructor')):
    theirs[name] = registry.register_module(module=type(name, (), {}))
import mmconvnextv2
for registry in (MODELS, HOOKS, OPTIM_WRAPPER_CONSTRUCTORS):
    for name in theirs.keys() & registry.module_dict.keys():
        assert registry.get(name) is theirs[name]
        ours = registry.get(f'mmconvnextv2.{name}')
        assert ours.__module__.startswith('mmconvnextv2.')
        print(name)
'''


def test_a_name_that_another_package_holds_stays_theirs():
    """As mmpose's LayerDecayOptimWrapperConstructor."""
    done = subprocess.run([sys.executable, '-c', _TAKEN],
                          capture_output=True, text=True)
    assert done.stdout.split() == [
        'ConvNeXtV2', 'SeedHook', 'LayerDecayOptimWrapperConstructor'
    ], done.stderr
