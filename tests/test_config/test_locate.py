"""Errors of a run, and what of its config they are traced to."""
import copy
import json
import pickle

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS, Registry
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn

from mmconvnextv2.config.check import ConfigError
from mmconvnextv2.config.locate import (
    LocatedType,
    located_parts,
    what_failed,
)


class _Base(nn.Module):

    def __init__(self, inner):
        super().__init__()
        self.inner = MODELS.build(inner)

    def forward(self, x):
        return self.inner(x)


class _Outer(_Base):

    def __init__(self, **kwargs):
        kwargs.pop('known', None)
        super().__init__(**kwargs)


class _Inner(nn.Module):

    def __init__(self, width=1):
        super().__init__()
        self.width = 1 // width

    def forward(self, x):
        return x.reshape(-1, 2)


class _FailingHook(Hook):

    def before_run(self, runner):
        raise KeyError('x')


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(MODELS.module_dict, 'Outer', _Outer)
    monkeypatch.setitem(MODELS.module_dict, 'Inner', _Inner)
    monkeypatch.setitem(HOOKS.module_dict, 'FailingHook', _FailingHook)


def _build(outer=(), **inner):
    inner = dict(dict(type='Inner'), **inner)
    cfg = Config(dict(model=dict(outer, type='Outer', inner=inner)))
    with located_parts(cfg, ('train', )):
        return MODELS.build(copy.deepcopy(cfg.model).copy())


@pytest.mark.parametrize('settings, words', [
    (dict(width=0), 'building model.inner (Inner)'),
    (dict(outer=dict(inne=1)),
     'building model (Outer) (model.inne: _Outer has no such argument. '
     "Did you mean 'inner'? It takes inner)"),
])
def test_part_that_cannot_be_built(settings, words):
    with pytest.raises((TypeError, ZeroDivisionError)) as caught:
        _build(**settings)
    assert what_failed(caught.value) == words


@pytest.mark.parametrize('changes, message', [
    (dict(type='Iner'), "  model.inner.type: there is no model 'Iner' in "
     "mmengine. Did you mean 'Inner'"),
    (dict(wide=1), '  model.inner.wide: _Inner has no such argument.'),
])
def test_part_with_a_type_or_argument_that_does_not_exist(changes, message):
    with pytest.raises(ConfigError) as caught:
        _build(**changes)
    assert message in str(caught.value)


def test_module_that_fails_when_it_runs():
    model = _build(dict(known=1))
    assert model(torch.zeros(4)).shape == (2, 2)
    with pytest.raises(RuntimeError) as caught:
        model(torch.zeros(3))
    assert what_failed(caught.value) == 'running model.inner (Inner)'
    with pytest.raises(ValueError) as caught:
        try:
            model(torch.zeros(3))
        except RuntimeError:
            raise ValueError from None
    assert what_failed(caught.value) == 'running model.inner (Inner)'
    assert what_failed(ValueError()) == 'starting the run'


def test_types_stay_names_and_know_their_paths_in_every_copy():
    model = dict(type='Outer', inner=[dict(a=dict(type='Inner'))])
    loader = dict(dataset=dict(type='A'))
    settings = dict(model=model, val_dataloader=loader, test_dataloader=loader)
    cfg, before = Config(settings), Registry.build
    with located_parts(cfg, ('train', 'val')):
        assert Registry.build is not before
    assert Registry.build is before
    kind = copy.deepcopy(cfg).model.copy().inner[0].a.type
    assert kind == 'Inner' and kind.path == 'model.inner[0].a'
    assert repr(kind) == "'Inner'" and json.dumps(kind) == '"Inner"'
    assert type(pickle.loads(pickle.dumps(kind))) is str
    assert cfg.pretty_text == Config(settings).pretty_text
    # A split that is not used lends no path to another.
    assert isinstance(cfg.val_dataloader.dataset.type, LocatedType)
    assert not isinstance(cfg.test_dataloader.dataset.type, LocatedType)


@pytest.fixture
def runner():
    """One that is made by hand, as MMEngine's needs a whole config."""
    runner = Runner.__new__(Runner)
    vars(runner).update(_hooks=[], _randomness_cfg={}, _seed=0)
    return runner


def test_hook_that_fails(runner):
    cfg = Config(dict(custom_hooks=[dict(type='FailingHook')]))
    with pytest.raises(KeyError) as caught, located_parts(cfg, ('train', )):
        runner.register_custom_hooks(cfg.custom_hooks)
        runner.call_hook('before_run')
    assert what_failed(caught.value) == 'running custom_hooks[0] (FailingHook)'


class _Broken(list):

    def __getitem__(self, index):
        raise EOFError


class _FailingLoop(IterBasedTrainLoop):

    def run_iter(self, data_batch):
        raise EOFError


@pytest.mark.parametrize('kind, dataset, changes, words', [
    (IterBasedTrainLoop, [1], dict(batch_size=-1),
     'setting up train_dataloader'),
    (IterBasedTrainLoop, _Broken([1]), {}, 'reading train_dataloader'),
    (_FailingLoop, [1], {}, 'running a train step'),
    (IterBasedTrainLoop, [1], {}, 'running the train loop'),
])
def test_loop_that_fails(runner, kind, dataset, changes, words):
    loader = dict(
        dict(dataset=dataset, sampler=None, batch_size=1, num_workers=0),
        **changes)
    with pytest.raises((ValueError, EOFError, AttributeError)) as caught:
        loop = kind(runner, loader, max_iters=1)
        if not words.endswith('loop'):  # which needs a model
            runner.model = nn.Identity()
        loop.run()
    assert what_failed(caught.value) == words


def test_data_set_without_samples_is_refused(runner):
    sampler = dict(type='InfiniteSampler')
    cfg = Config(dict(train_dataloader=dict(sampler=sampler, batch_size=1)))
    with pytest.raises(ConfigError, match=r'train_dataloader\.dataset: list '
                       'has no samples'), located_parts(cfg, ('train', )):
        runner.build_dataloader(dict(cfg.train_dataloader, dataset=[]))
