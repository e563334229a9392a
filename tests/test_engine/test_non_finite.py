"""Where a bad value is found to begin."""
from contextlib import nullcontext

import pytest
import torch
from mmengine.model import BaseModel
from torch import nn

from mmconvnextv2.engine.non_finite import any_not_finite, locate

NAN, INF = float('nan'), float('inf')


class Overflow(nn.Module):

    def forward(self, x):
        return x * 1e30 * 1e30


class RootOfZero(nn.Module):

    def forward(self, x):
        return (x - x.detach()).sqrt()  # 0, with an infinite gradient


class Compiled(nn.Module):

    def __init__(self):
        super().__init__()
        self.inner = Overflow()
        self._run = torch.compile(lambda x: self.inner(x), backend='eager')

    def forward(self, x):
        return self._run(x)


class Model(BaseModel):

    def __init__(self, middle):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.middle = nn.Sequential(nn.ReLU(), middle)
        self.last = nn.Linear(3, 1)
        self.factor = 1.0
        nn.init.constant_(self.first.weight, 1.)  # So that no ReLU is shut.

    def forward(self, inputs, data_samples=None, mode='loss'):
        out = self.last(self.middle(self.first(inputs)))
        return dict(
            loss_a=out.sum() * self.factor, loss_b=out.square().sum())


def locate_in(model, value=1.0):
    images = torch.full((4, 2), float(value))
    return locate(model, (images, ), dict(mode='loss'),
                  lambda model: nullcontext())


@pytest.mark.parametrize('expected, middle, value, factor, weight', [
    ('in the model before this step: last.weight', nn.Identity(), 1, 1, NAN),
    ('in the images or annotations of the batch', nn.Identity(), INF, 1, 1),
    ('in the forward pass, first in the output of middle.1 (Overflow)',
     Overflow(), 1, 1, 1),
    ('in the loss itself: loss_a', nn.Identity(), 1, NAN, 1),
    ('in the backward pass, first in the gradient of first.bias, '
     'first.weight', RootOfZero(), 1, 1, 1),
    ('in something that did not happen when the step was run again',
     nn.Identity(), 1, 1, 1),
])
def test_locate(expected, middle, value, factor, weight):
    model = Model(middle)
    model.factor = factor
    model.last.weight.data[0, 1] = weight
    model.last.weight.grad = torch.ones(1, 3)
    assert locate_in(model, value) == expected
    assert not nn.modules.module._global_forward_hooks
    assert model.last.weight.grad.equal(torch.ones(1, 3))
    assert model.first.weight.grad is None


def test_locate_sees_the_layers_of_what_is_compiled():
    model = Model(Compiled())
    model(torch.zeros(4, 2))  # without hooks
    assert locate_in(model).endswith('of middle.1.inner (Overflow)')


@pytest.mark.parametrize('values, expected', [
    ([[1., 3e38], [-3e38]], False),
    ([[1., 2.], [NAN]], True),
    ([[-INF], [2.]], True),
    ([[NAN, INF, 1.]], True),
    ([[], [1.]], False),
    ([], False),
])
def test_any_not_finite(values, expected):
    tensors = [torch.tensor(x) for x in values]
    nested = dict(a=tensors, b=(1, 'text', torch.tensor(3)))
    for found in (any_not_finite(tensors), any_not_finite(nested)):
        assert found.dtype == torch.bool and bool(found) is expected
