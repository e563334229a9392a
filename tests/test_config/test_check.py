"""Checks of configs: what passes, and what reading them tells."""
from functools import partial
from pathlib import Path

import pytest
from mmengine.config import Config

from mmconvnextv2.config.checks import (
    ConfigFileError,
    name_mistakes,
    read_config,
    value_mistakes,
)
from mmconvnextv2.config.find import configs_folder

_ALL = ('train', 'val', 'test')


def _mistakes(cfg, splits=_ALL):
    cfg = dict(cfg)
    return [*value_mistakes(cfg, splits), *name_mistakes(cfg, splits)]


def _minimal(**changes):
    loader = dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(
            type='mmengine.dataset.BaseDataset', lazy_init=True))
    return dict(
        dict(
            model=dict(type='Anything'),
            work_dir='w',
            train_cfg=dict(by_epoch=True, max_epochs=2),
            train_dataloader=loader,
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1))), **changes)


@pytest.mark.parametrize(
    'path', sorted(configs_folder().glob('*.py')), ids=lambda x: x.stem)
def test_own_configs_pass(path):
    cfg = dict(Config.fromfile(path).items(), work_dir='w')
    splits = _ALL if cfg.get('val_cfg') is not None else ('train', )
    assert _mistakes(cfg, splits) == []


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
    dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook',
                                            interval=-1))),
    dict(train_cfg=dict(by_epoch=True, max_epochs=3.0)),
    dict(param_scheduler=dict(type='MultiStepLR', milestones=(1, 2))),
    dict(runner_type='OwnRunner', model=None, train_cfg='own'),
    dict(optim_wrapper=dict(optimizer=dict(type=_OwnHook, lr=None))),
    dict(optim_wrapper=dict(constructor='Own', generator=dict())),
    dict(randomness=dict(seed=0, deterministic=True)),
    dict(my_own_variable='text', train_pipelines=[1]),
])
def test_unusual_settings_pass(changes):
    assert _mistakes(_minimal(**changes), ('train', 'val')) == []


def _write(folder: Path, text: str) -> Path:
    path = folder / 'mine.py'
    path.write_text(text)
    return path


@pytest.mark.parametrize('text, message', [
    ('a = dict(\nb = 3\n', r'mine\.py, line \d: the config cannot be read'),
    ('a = 1\nb = c\n', r"mine\.py, line 2: .*name 'c' is not defined"),
    ("_base_ = './gone.py'\n", r'mine\.py: _base_: there is no file .*gone\.'),
    ("_base_ = './bass.py'\n", r"Did you mean 'base\.py'"),
    ("_base_ = './base.py'\nx = dict(a=1)\n", 'cannot inherit'),
    ("_base_ = './base.py'\ny = _base_.z.q\n", 'line 2'),
    ("custom_imports = dict(imports=['no_such'])\n",
     "custom_imports: .*no_such"),
])
def test_file_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / 'base.py').write_text('x = 3\nz = dict()\n')
    path = _write(tmp_path, text)
    with pytest.raises(ConfigFileError, match=message):
        read_config(path)


@pytest.mark.parametrize('key, value, message', [
    ('train_dataloder.batch_size', 2, "Did you mean 'train_dataloader'"),
    ('hooks.7.interval', 2, "index from 0 to 0 was expected, got '7'"),
    ('hooks.x', 2, "hooks is a list, .*got 'x'"),
    ('name.first', 2, "name is 'x', not a dict with a key 'first'"),
])
def test_option_that_does_not_fit(tmp_path, key, value, message):
    path = _write(tmp_path, "hooks = [dict(interval=1)]\nname = 'x'\n")
    with pytest.raises(ConfigFileError, match=f'--cfg-options {key}: .*' +
                       message):
        read_config(path, {key: value})


def test_option_that_only_own_code_may_read_is_told(tmp_path):
    told = []
    cfg = read_config(_write(tmp_path, 'a = 1\n'), {'zzz': 3}, told.append)
    assert cfg.zzz == 3
    assert told == ["Warning: --cfg-options zzz: the config has no key 'zzz', "
                    'and MMEngine reads none of that name.']


@pytest.mark.parametrize('splits, missing', [
    (('train', ), ['model', 'train_cfg', 'train_dataloader',
                   'optim_wrapper']),
    (('test', ), ['model', 'test_cfg', 'test_dataloader', 'test_evaluator']),
])
def test_what_is_missing_from_an_empty_config(splits, missing):
    assert [x.key for x in value_mistakes({}, splits)] == missing
