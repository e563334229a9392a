"""When a loss or gradient that is not finite is noticed, and what follows."""
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.structures import BaseDataElement
from torch import nn

from mmconvnextv2.engine import NonFiniteHook
from mmconvnextv2.engine.hooks import NonFiniteError

_NAN = float('nan')


class _Model(BaseModel):

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        return dict(loss=self.layer(inputs).square().sum() + self.extra)

    extra = 0.


def _train(hook, values, extra=0., accumulate=1, **options):
    """Train an iteration for each value; returns the model and weights."""
    torch.manual_seed(0)
    model = _Model()
    model.extra = extra
    wrapper = OptimWrapper(
        torch.optim.SGD(model.parameters(), lr=0.1),
        accumulative_counts=accumulate,
        **options)
    runner = SimpleNamespace(
        model=model,
        optim_wrapper=wrapper,
        logger=logging.getLogger('stand-in'),
        epoch=0,
        iter=0)
    hook.before_train(runner)
    weights = [model.layer.weight.detach().clone()]
    hook.weights = weights
    for i, value in enumerate(values):
        runner.iter = i
        batch = dict(
            inputs=torch.full((1, 2), value),
            data_samples=[
                BaseDataElement(metainfo=dict(img_path=f'{i}.jpg'))
            ])
        hook.before_train_iter(runner, i, batch)
        outputs = model.train_step(batch, wrapper)
        hook.after_train_iter(runner, i, batch, outputs)
        weights.append(model.layer.weight.detach().clone())
    hook.before_save_checkpoint(runner, {})
    return weights


@pytest.mark.parametrize('arguments', [
    dict(max_skips=-1),
    dict(max_skips=1, exact=False),
])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match='max_skips must be >= 0'):
        NonFiniteHook(**arguments)


class _Keeping:
    """An optimizer that keeps gradients to itself, as DeepSpeed's do."""


@pytest.mark.parametrize('arguments', [dict(exact=True), dict(max_skips=1)])
def test_what_other_optimizers_cannot_do_is_refused(arguments):
    runner = SimpleNamespace(
        model=_Model(), optim_wrapper=SimpleNamespace(optimizer=_Keeping()))
    with pytest.raises(
            ValueError,
            match='exact=True and max_skips need an optimizer of PyTorch, '
            'whose steps can be left out, got _Keeping in SimpleNamespace'):
        NonFiniteHook(**arguments).before_train(runner)


@pytest.mark.parametrize('wrapper', [
    SimpleNamespace(optimizer=_Keeping()),  # As in DeepSpeedOptimWrapper.
    SimpleNamespace(),  # As OptimWrapperDict.
])
def test_under_other_optimizers_the_loss_is_read_late(wrapper):
    hook = NonFiniteHook()
    runner = SimpleNamespace(
        model=_Model(), optim_wrapper=wrapper, epoch=0, iter=3)
    hook.before_train(runner)
    hook.after_train_iter(runner, 3, {}, dict(loss=torch.tensor(_NAN)))
    with pytest.raises(NonFiniteError, match='iteration 4'):
        hook.before_train_iter(runner, 4, {})


@pytest.mark.parametrize('options', [dict(), dict(clip_grad=dict(max_norm=1))])
def test_stops_before_the_update(options):
    hook = NonFiniteHook()
    with pytest.raises(
            NonFiniteError,
            match='^Stopped: a gradient is not finite at epoch 1, iteration '
            r'3. Batch: 2.jpg. It began in the images or annotations of the '
            r'batch. The parameters are those before this step. What to try'):
        _train(hook, [1., 2., _NAN], **options)
    assert len(hook.weights) == 3


def test_a_finite_run_is_not_changed():
    weights = _train(NonFiniteHook(), [1., 2., 3.])
    for a, b in zip(weights, _train(NonFiniteHook(exact=False), [1., 2., 3.])):
        assert a.equal(b) and a.isfinite().all()
    assert len({tuple(x.flatten().tolist()) for x in weights}) == 4


def test_skips_leave_the_parameters_as_they_are():
    hook = NonFiniteHook(max_skips=2)
    weights = _train(hook, [1., _NAN, 2., _NAN, 3.])
    assert hook.skipped == 2
    same = [a.equal(b) for a, b in zip(weights, weights[1:])]
    assert same == [False, True, False, True, False]
    with pytest.raises(NonFiniteError, match='^Stopped after 1 skipped steps'):
        _train(NonFiniteHook(max_skips=1), [_NAN, 1., _NAN])


def test_half_an_accumulated_update_is_checked_by_its_loss():
    with pytest.raises(
            NonFiniteError, match='the loss is not finite at epoch 1, iter'):
        _train(NonFiniteHook(), [_NAN, 1.], accumulate=2)
    hook = NonFiniteHook(max_skips=1)
    weights = _train(hook, [1., 1., _NAN, 1.], accumulate=2)
    assert hook.skipped == 1
    # The other half is updated with.
    assert not weights[4].equal(weights[3]) and weights[4].isfinite().all()


def test_without_waiting_it_is_seen_one_iteration_later():
    hook = NonFiniteHook(exact=False)
    with pytest.raises(
            NonFiniteError,
            match='^Stopped: the loss is not finite at epoch 1, iteration 2. '
            r'Batch: 1.jpg. The update has happened'):
        _train(hook, [1., _NAN, 2., 3.])
    assert len(hook.weights) == 3
    # In time for a checkpoint, too.
    with pytest.raises(NonFiniteError, match='iteration 2'):
        _train(NonFiniteHook(exact=False), [1., _NAN])


def test_a_loss_whose_gradient_is_finite():
    with pytest.raises(NonFiniteError, match='the loss is not finite'):
        _train(NonFiniteHook(), [1., 2.], extra=float('inf'))
