"""Checks of configs: what passes, what is refused, and what reading tells."""
from functools import partial

import pytest
from mmengine.config import Config
from mmengine.registry import Registry

from mmconvnextv2.config.arguments import part_mistakes
from mmconvnextv2.config.check import (
    ConfigError,
    find_mistakes,
    read_config,
    require_names,
)
from mmconvnextv2.config.find import configs_folder

_ALL = ('train', 'val', 'test')


def _minimal(**changes):
    loader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='mmengine.dataset.BaseDataset', lazy_init=True))
    return dict(
        dict(
            model=dict(type='mmconvnextv2.ConvNeXtV2'),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            train_dataloader=loader,
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1))), **changes)


@pytest.mark.parametrize(
    'path', sorted(configs_folder().glob('*.py')), ids=lambda x: x.stem)
def test_own_configs_pass(path):
    cfg = Config.fromfile(path)
    splits = _ALL if cfg.get('val_cfg') else ('train', )
    assert find_mistakes(cfg, splits) == []


class _OwnHook:

    def __init__(self, **kwargs):
        pass


@pytest.mark.parametrize('changes', [
    {},
    dict(param_scheduler=None, default_hooks=None, custom_hooks=None),
    dict(custom_hooks=[dict(type=_OwnHook, anything='goes')]),
    dict(custom_hooks=[dict(type=partial(_OwnHook, a=1), b=2)]),
    dict(custom_hooks=[dict(type='mmengine.hooks.EMAHook', priority=3)]),
    dict(default_hooks=dict(checkpoint=None)),
    dict(train_cfg=dict(by_epoch=True, max_epochs=3.0)),
    dict(train_cfg=dict(type=_OwnHook), train_dataloader=dict(own=1)),
    dict(param_scheduler=dict(type='MultiStepLR', milestones=(1, 2))),
    dict(runner_type='OwnRunner', model=None, train_cfg='own'),
    dict(optim_wrapper=dict(optimizer=dict(type=_OwnHook, lr=None))),
    dict(optim_wrapper=dict(constructor='Own', generator=dict())),
    dict(randomness=dict(seed=0, deterministic=True)),
    dict(my_own_variable='text', train_pipelines=[1]),
    dict(test_dataloader=dict(dataset=dict(type='NotUsed'))),
])
def test_unusual_settings_pass(changes):
    assert find_mistakes(_minimal(**changes), ('train', 'val')) == []


def _loader(**changes):
    return dict(
        train_dataloader=dict(
            dict(
                sampler=dict(type='DefaultSampler'),
                dataset=dict(type='BaseDataset')), **changes))


@pytest.mark.parametrize('changes, key, problem', [
    (dict(model=dict(type='mmconvnextv2.ConvNextV2')), 'model.type',
     "there is no model 'mmconvnextv2.ConvNextV2' in mmengine. "
     "Did you mean 'ConvNeXtV2' or 'ConvNeXtV2Block'? A class "
     'of your own must be registered and its module be in custom_imports'),
    (dict(model=dict(type='Q9'), default_scope='mmdett'), 'model.type',
     "there is no model 'Q9' in mmengine (default_scope is 'mmdett'). A class "
     'of your own must be registered and its module be in custom_imports'),
    (dict(randomness=dict(sed=1)), 'randomness.sed',
     "set_randomness has no such argument. Did you mean 'seed'? It takes "
     'seed, diff_rank_seed, deterministic'),
    (dict(train_cfg=dict(by_epoch=False, max_iter=3)), 'train_cfg.max_iters',
     "is missing; IterBasedTrainLoop needs it. Did you mean 'max_iter'?"),
    (dict(train_cfg=dict(by_epoch=True, max_epochs=0)),
     'train_cfg.max_epochs', 'trains nothing, got 0'),
    (_loader(sampler=dict(type='InfiniteSampler')),
     'train_dataloader.sampler.type',
     'InfiniteSampler never ends an epoch, and train_cfg counts epochs'),
    (_loader(dataset=dict(ann_file='a')), 'train_dataloader.dataset.type',
     'is missing.'),
    (dict(train_cfg=dict(by_epoch=True, max_epochs='2')),
     'train_cfg.max_epochs', "got '2', expected int"),
    (dict(custom_hooks=[dict(type='SeedHook', enable=1)]),
     'custom_hooks[0].enable',
     "SeedHook has no such argument. Did you mean 'enabled'? It takes "
     'enabled'),
    (dict(param_scheduler=dict(type='MultiStepLR', milestones='8')),
     'param_scheduler.milestones', "got '8', expected List[int]"),
])
def test_mistakes_are_found_by_their_keys(changes, key, problem):
    found = dict(find_mistakes(_minimal(**changes), ('train', )))
    assert found[key] == problem


def test_a_package_whose_import_fails_is_not_called_ignorant():
    registry = Registry('model', scope='toy', locations=['no_such_module'])
    assert list(part_mistakes('model', dict(type='toy.Net'), registry)) == [
        ('model.type',
         "'toy.Net' cannot be imported: No module named 'no_such_module'")]


def test_all_mistakes_are_listed():
    cfg = Config(dict(visualizer=dict(tipe='A'), log_processor=dict(type='B')))
    with pytest.raises(ConfigError) as caught:
        require_names(cfg, ('train', ))
    assert caught.value.exit_code == 2
    lines = str(caught.value).splitlines()
    assert lines[:2] == ['the config has mistakes:', '  model: is missing.']
    assert lines[2].startswith("  log_processor.type: there is no log_proces")


@pytest.mark.parametrize('text, message', [
    ('a = dict(\nb = 3\n',
     r'mine\.py, line \d: the config cannot be read: SyntaxError: '),
    ('a = 1\nb = c\n', r"mine\.py, line 2: .*name 'c' is not defined"),
    ("_base_ = './broken.py'\n", r'a base of \S*mine\.py, line 1: '),
    ("_base_ = './failing.py'\n", r'failing\.py, line 2: .*ZeroDivisionErr'),
    ("_base_ = './gone.py'\n", r"mine\.py: .*gone\.py'$"),
    ("_base_ = './convnextv2_a_ft_shapes.py'\n",
     r"_shapes\.py'\. The config of that name that comes with mmconvnextv2 is "
     r"_base_ = '/.*/configs/convnextv2_a_ft_shapes\.py'$"),
    ("_base_ = './base.py'\nx = dict(a=1)\n", 'cannot inherit'),
    ("_base_ = './base.py'\ny = _base_.z.q\n", 'line 2'),
    ("custom_imports = dict(imports=['no_such'])\n", 'no_such'),
])
def test_file_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / 'base.py').write_text('x = 3\nz = dict()\n')
    (tmp_path / 'broken.py').write_text('x = (\n')
    (tmp_path / 'failing.py').write_text('x = 3\ny = 1 / 0\n')
    (tmp_path / 'mine.py').write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(tmp_path / 'mine.py')


@pytest.fixture
def small(tmp_path):
    (tmp_path / 'a.py').write_text("hooks = [dict(interval=1)]\nname = 'x'\n")
    return tmp_path / 'a.py'


@pytest.mark.parametrize('key, message', [
    ('train_dataloder.batch_size', "the config has no key 'train_dataloder'. "
     "Did you mean 'train_dataloader' or "),
    ('hooks.7.interval', 'KeyError: Index 7 exceeds the length of list '),
    ('hooks.x', 'TypeError: list indices must be integers'),
])
def test_option_that_does_not_fit(small, key, message):
    with pytest.raises(ConfigError) as caught:
        read_config(small, {key: 2})
    assert str(caught.value).startswith(f'--cfg-options {key}: ')
    assert message in str(caught.value)


def test_option_that_only_own_code_may_read_is_told(small):
    told = []
    cfg = read_config(small, {'zzz': 3}, told.append)
    assert cfg.zzz == 3
    assert told == ["Warning: --cfg-options zzz: the config has no key 'zzz'. "
                    'MMEngine does not read it either.']
