"""When a loss or gradient that is not finite is noticed, and what follows."""
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.structures import BaseDataElement
from processes import run_processes
from torch import nn

from mmconvnextv2.engine import NonFiniteHook
from mmconvnextv2.engine.hooks import NonFiniteError

NAN = float('nan')


class Model(BaseModel):

    def __init__(self, extra):
        super().__init__()
        self.layer = nn.Linear(2, 1)
        self.extra = extra
        self.drawn = []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.drawn.append(torch.rand(()).item())
        return dict(loss=self.layer(inputs).square().sum() + self.extra)


def train(hook, values, extra=0., accumulate=1, **options):
    """Train an iteration for each value; returns all weights.

    They are in ``hook.weights`` too, the model's draws in ``hook.drawn``.
    """
    torch.manual_seed(0)
    model = Model(extra)
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1),
                           accumulative_counts=accumulate, **options)
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, epoch=0,
                             logger=logging.getLogger('stand-in'))
    hook.before_train(runner)
    hook.weights, hook.drawn = [model.layer.weight.detach().clone()], \
        model.drawn
    for i, value in enumerate(values):
        runner.iter = i
        sample = BaseDataElement(metainfo=dict(img_path=f'{i}.jpg'))
        batch = dict(inputs=torch.full((1, 2), value),
                     data_samples=[sample, BaseDataElement()])
        hook.before_train_iter(runner, data_batch=batch)
        outputs = model.train_step(batch, wrapper)
        hook.after_train_iter(runner, outputs=outputs)
        hook.weights.append(model.layer.weight.detach().clone())
    return hook.weights


def test_negative_number_of_skips():
    with pytest.raises(ValueError, match='max_skips must be >= 0, got -1$'):
        NonFiniteHook(max_skips=-1)


def test_several_optimizers():
    hook = NonFiniteHook()
    model = Model(0)
    wrappers = OptimWrapperDict(
        a=OptimWrapper(torch.optim.SGD([model.layer.weight], lr=0.1)),
        b=OptimWrapper(torch.optim.SGD([model.layer.bias], lr=0.1)))
    runner = SimpleNamespace(
        model=model, optim_wrapper=wrappers, epoch=0, iter=3)
    hook.before_train(runner)
    hook.before_train_iter(runner, data_batch=[1, 2])
    model.layer.bias.grad = torch.tensor([NAN])
    wrappers['a'].step()
    with pytest.raises(
            NonFiniteError, match='iteration 4. Batch: it has no file names. '
            'It began somewhere in the step.'):
        wrappers['b'].step()


@pytest.mark.parametrize('options', [dict(), dict(clip_grad=dict(max_norm=1))])
def test_stops_before_the_update(options):
    hook = NonFiniteHook()
    with pytest.raises(
            NonFiniteError,
            match='^Stopped: a gradient is not finite at epoch 1, iteration '
            r'3. Batch: 2.jpg. It began in the images or annotations of the '
            r'batch. The parameters are those before this step. What to try'):
        train(hook, [1., 2., NAN], **options)
    assert len(hook.weights) == 3


def test_skips_leave_the_parameters_as_they_are():
    hook = NonFiniteHook(max_skips=2)
    weights = train(hook, [1., NAN, 2., NAN, 3.])
    assert hook.skipped == 2
    same = [a.equal(b) for a, b in zip(weights, weights[1:])]
    assert same == [False, True, False, True, False]
    with pytest.raises(NonFiniteError, match='^Stopped after 1 skipped steps'):
        train(NonFiniteHook(max_skips=1), [NAN, 1., NAN])


def test_the_step_is_run_again_with_the_same_draws():
    hook = NonFiniteHook(max_skips=1)
    train(hook, [1., 1e30, 1.])
    first, second, again, third = hook.drawn
    assert second == again and len({first, second, third}) == 3
    # Nor are they disturbed where no forward pass is needed.
    other = NonFiniteHook(max_skips=1)
    train(other, [1., NAN, 1.])
    assert other.drawn == [first, second, third]


def test_half_an_accumulated_update_is_checked_by_its_loss():
    hook = NonFiniteHook(max_skips=1)
    weights = train(hook, [1., 1., NAN, 1.], accumulate=2)
    assert hook.skipped == 1
    # The other half is updated with.
    assert not weights[4].equal(weights[3]) and weights[4].isfinite().all()


def _one_is_bad(rank):
    torch.distributed.init_process_group('gloo')
    hook = NonFiniteHook(max_skips=2)
    # The gradients of one process, then, without an update, its loss.
    train(hook, [1., NAN if rank else 2., 1.])
    late = NonFiniteHook(max_skips=1)
    train(late, [1., NAN if rank else 2., 1.], accumulate=9)
    return hook.skipped, late.skipped, [x.tolist() for x in hook.weights]


def test_what_is_bad_in_one_process_is_skipped_by_all(tmp_path):
    first, second = run_processes(_one_is_bad, tmp_path)
    assert first == second and first[:2] == (1, 1)


def test_an_infinite_loss_with_finite_gradients():
    with pytest.raises(
            NonFiniteError,
            match='^Stopped: the loss is not finite at epoch 1, iteration '
            '1. Batch: 0.jpg. The update has happened: .* What to try'):
        train(NonFiniteHook(), [1., 2.], extra=float('inf'))
