"""Errors of a run, and what of its config they are traced to."""
import copy
import json
import pickle

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS, Registry
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmconvnextv2.config.check import ConfigError
from mmconvnextv2.config.walk import LocatedType
from mmconvnextv2.engine.failing_part import Trail
from mmconvnextv2.errors import CommandError


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

    def loss(self, x):
        """Calculate, as heads do, without being called."""
        return self.forward(x)


@pytest.fixture(autouse=True)
def _registered():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(MODELS.module_dict, 'Outer', _Outer)
        patch.setitem(MODELS.module_dict, 'Inner', _Inner)
        yield


def _build(outer=(), run=lambda model: None, **inner):
    inner = dict(dict(type='Inner'), **inner)
    cfg = Config(dict(model=dict(outer, type='Outer', inner=inner)))
    trail = Trail(cfg, ('train', ))
    try:
        with trail.followed():
            model = MODELS.build(copy.deepcopy(cfg.model).copy())
            run(model)
            return model, trail
    except (TypeError, ZeroDivisionError, RuntimeError) as error:
        return trail.action(error)


def test_part_that_cannot_be_built():
    assert _build(width=0) == 'building model.inner (Inner)'
    assert _build(dict(inne=1)) == 'building model (Outer)'


@pytest.mark.parametrize('changes, message', [
    (dict(type='Iner'), "  model.inner.type: there is no model 'Iner' in "
     "mmengine. Did you mean 'Inner'"),
    (dict(wide=1), '  model.inner.wide: _Inner has no such argument.'),
])
def test_part_with_a_type_or_argument_that_does_not_exist(changes, message):
    with pytest.raises(ConfigError) as caught:
        _build(**changes)
    assert message in str(caught.value)


def _raised_anew(model):
    try:
        model(torch.zeros(3))
    except RuntimeError:
        raise TypeError from None


def test_module_that_fails_when_it_runs():
    bad = torch.zeros(3)
    for run in (lambda x: x(bad), _raised_anew, lambda x: x.inner.loss(bad)):
        assert _build(run=run) == 'running model.inner (Inner)'
    # Not a copy, such as EMA's.
    assert _build(run=lambda x: copy.deepcopy(x.inner).loss(bad)) == \
        'starting the run'
    model, _ = _build(dict(known=1), run=lambda x: x(torch.zeros(4)))
    assert not model.inner._forward_hooks
    assert not hasattr(_Inner.loss, '__wrapped__')


def test_types_stay_names_and_know_their_paths_in_every_copy():
    model = dict(type='Outer', inner=[dict(a=dict(type='Inner'))])
    cfg = Config(dict(model=model))
    Trail(cfg, ())
    kind = copy.deepcopy(cfg).model.copy().inner[0].a.type
    assert kind == 'Inner' and kind.path == 'model.inner[0].a'
    assert repr(kind) == "'Inner'" and json.dumps(kind) == '"Inner"'
    assert type(pickle.loads(pickle.dumps(kind))) is str
    assert cfg.pretty_text == Config(dict(model=model)).pretty_text


def test_split_that_is_not_used_lends_no_path_to_another():
    loader = dict(dataset=dict(type='A'))
    cfg = Config(dict(val_dataloader=loader, test_dataloader=loader))
    Trail(cfg, ('train', 'val'))
    assert isinstance(cfg.val_dataloader.dataset.type, LocatedType)
    assert not isinstance(cfg.test_dataloader.dataset.type, LocatedType)


@pytest.fixture
def runner():
    """One that is made by hand, as MMEngine's needs a whole config."""
    runner = Runner.__new__(Runner)
    runner._hooks = []
    return runner


@pytest.mark.parametrize('event, action', [
    ('before_run', 'starting the run'),
    ('before_train_epoch', 'reading train_dataloader'),
    ('before_train_iter', 'running a train step'),
    ('after_train_iter', 'reading train_dataloader'),
    ('after_train_epoch', 'running the train loop'),
    ('after_val_iter', 'reading val_dataloader'),
])
def test_what_runs_after_an_event(runner, event, action):
    trail = Trail(Config(dict()), ())
    with trail.followed():
        runner.call_hook(event)
    assert trail.action(ValueError()) == action


def test_hook_that_fails(runner, monkeypatch):

    class Failing(Hook):

        def before_run(self, runner):
            raise KeyError('x')

    monkeypatch.setitem(HOOKS.module_dict, 'Failing', Failing)
    cfg = Config(dict(custom_hooks=[dict(type='Failing', priority='LOW')]))
    trail = Trail(cfg, ('train', ))
    with pytest.raises(KeyError) as caught, trail.followed():
        runner.register_custom_hooks(cfg.custom_hooks)
        runner.call_hook('before_run')
    assert trail.action(caught.value) == 'running custom_hooks[0] (Failing)'
    runner._hooks = [Failing()]  # In no config: a caller's own.
    with pytest.raises(KeyError) as caught, trail.followed():
        runner.call_hook('before_run')
    assert trail.action(caught.value) == 'running the hooks at before_run'


def test_section_that_cannot_be_read(runner):
    trail = Trail(Config(dict()), ())
    loader = dict(dataset=[1], sampler=None, batch_size=-1, num_workers=0)
    with pytest.raises(ValueError) as caught, trail.followed():
        vars(runner).update(
            _train_dataloader=loader, _randomness_cfg={}, _seed=0)
        runner.build_train_loop(
            dict(type='IterBasedTrainLoop', max_iters=1, runner=runner))
    assert trail.action(caught.value) == 'setting up train_dataloader'


@pytest.mark.parametrize('loader, problem', [
    (DataLoader([]), 'list has no samples: nothing is in its folder, or '
     'nothing passes its filter (images without an object of '
     'metainfo.classes, for one)'),
    (DataLoader([1, 2, 3], 4, drop_last=True), '3 images are fewer than a '
     'batch of 4, and train_dataloader.drop_last leaves out what is no whole '
     'batch: set train_dataloader.batch_size=3, or train_dataloader.drop_last'
     '=False'),
])
def test_data_of_which_no_batch_comes(loader, problem):
    trail = Trail(Config(dict()), ())
    trail._split = 'train'
    with pytest.raises(CommandError) as caught, trail.followed():
        Runner.build_dataloader(loader)
    assert str(caught.value) == (
        f'the data cannot be used:\n  train_dataloader.dataset: {problem}')


def test_modules_are_followed_until_the_first_step_is_done(runner):

    def run(model):
        assert model._forward_hooks and hasattr(_Inner.loss, '__wrapped__')
        runner.call_hook('after_train_iter')
        assert not model._forward_hooks
        assert not hasattr(_Inner.loss, '__wrapped__')

    _build(run=run)


def test_methods_are_put_back():
    before = Registry.build, dict(vars(Runner)), Runner.build_dataloader
    with Trail(Config(dict()), ()).followed():
        assert Registry.build is not before[0]
        assert Runner.build_dataloader is not before[2]
    assert (Registry.build, dict(vars(Runner)),
            Runner.build_dataloader) == before
