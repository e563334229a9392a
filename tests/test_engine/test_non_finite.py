"""Where a bad value is found to begin."""
from contextlib import nullcontext

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import nn

from mmconvnextv2.engine.non_finite import (
    Draws,
    any_not_finite,
    file_names,
    locate,
)

_NAN, _INF = float('nan'), float('inf')


class _Overflow(nn.Module):

    def forward(self, x):
        return x * 1e30 * 1e30


class _RootOfZero(nn.Module):

    def forward(self, x):
        return (x - x.detach()).sqrt()  # 0, with an infinite gradient


class _Model(BaseModel):

    def __init__(self, middle):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.middle = nn.Sequential(nn.ReLU(), middle)
        self.last = nn.Linear(3, 1)
        self.factor = 1.0

    def forward(self, inputs, data_samples=None, mode='loss'):
        out = self.last(self.middle(self.first(inputs)))
        return dict(
            loss_a=out.sum() * self.factor, loss_b=out.square().sum())


def _locate(middle=None, value=1.0, factor=1.0, change=None):
    model = _Model(middle or nn.Identity())
    # So that no ReLU is shut.
    nn.init.constant_(model.first.weight, 1.)
    model.factor = factor
    if change:
        change(model)
    inputs = dict(inputs=torch.full((4, 2), value), mode='loss')
    return locate(model, inputs, lambda model: nullcontext())


def _spoil(model):
    model.last.weight.data[0, 1] = _NAN


@pytest.mark.parametrize('expected, arguments', [
    ('in the model before this step: last.weight', dict(change=_spoil)),
    ('in the images or annotations of the batch', dict(value=_INF)),
    ('in the forward pass, first in the output of middle.1 (_Overflow)',
     dict(middle=_Overflow())),
    ('in the loss itself: loss_a', dict(factor=_NAN)),
    ('in the backward pass, first in the gradient of first.bias, '
     'first.weight', dict(middle=_RootOfZero())),
    ('in something that did not happen when the step was run again', dict()),
])
def test_locate(expected, arguments):
    assert _locate(**arguments) == expected


class _Compiled(nn.Module):

    def __init__(self):
        super().__init__()
        self.inner = _Overflow()
        self._run = torch.compile(lambda x: self.inner(x), backend='eager')

    def forward(self, x):
        return self._run(x)


def test_locate_sees_the_layers_of_what_is_compiled():
    middle = _Compiled()
    middle(torch.zeros(4, 3, requires_grad=True))  # without hooks
    found = _locate(middle)
    assert found.endswith('in the output of middle.1.inner (_Overflow)')


def test_locate_leaves_no_hook_behind():
    model = _Model(_Overflow())
    inputs = dict(inputs=torch.ones(4, 2), mode='loss')
    locate(model, inputs, lambda model: nullcontext())
    assert not any(x._forward_hooks for x in model.modules())


@pytest.mark.parametrize('values, expected', [
    ([[1., 3e38], [-3e38]], False),
    ([[1., 2.], [_NAN]], True),
    ([[-_INF], [2.]], True),
    ([[_NAN, _INF, 1.]], True),
    ([[], [1.]], False),
    ([], False),
])
def test_any_not_finite(values, expected):
    found = any_not_finite([torch.tensor(x) for x in values])
    assert found.dtype == torch.bool and bool(found) is expected


def test_draws_repeat():
    draws = Draws(torch.device('cpu'))
    first = torch.rand(3)
    draws.restore()
    assert torch.rand(3).equal(first)


def test_file_names():
    named = BaseDataElement(metainfo=dict(img_path='a.jpg'))
    batch = dict(inputs=[1, 2], data_samples=[named, BaseDataElement()])
    assert file_names(batch) == ['a.jpg']
    assert file_names(dict(inputs=[1], data_samples=None)) == []
    assert file_names([1, 2]) == []
