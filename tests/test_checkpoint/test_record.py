"""Crafted checkpoints: each is refused, and blamed itself."""
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from crafted_checkpoints import NAME, RECORD, RESUMED, WEIGHTS
from mmengine.optim import DefaultOptimWrapperConstructor, PolyLR
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import (
    CheckpointError,
    about,
    check,
    pick_weights,
    read_checkpoint,
    to_ours,
)
from mmconvnextv2.checkpoint.loading import load_from_path_or_url
from mmconvnextv2.checkpoint.pretrained import (
    ConvNeXtPretrainedInit,
    load_whole,
)
from mmconvnextv2.checkpoint.record import check_optimizer
from mmconvnextv2.engine.hooks.checkpoint_fit_hook import CheckpointFitHook


class Model(nn.Module):

    def __init__(self):
        super().__init__()
        self.backbone = ConvNeXtV2(dict(depths=[1, 1], channels=[4, 8]))


def optim_wrapper():
    return DefaultOptimWrapperConstructor(
        dict(optimizer=dict(type='AdamW', lr=0.01)),
        dict(bias_lr_mult=2.))(Model())


def schedule():
    return PolyLR(optim_wrapper(), end=3)


@pytest.fixture
def crafted(tmp_path):
    """Function that writes a checkpoint, after a change; returns its path."""

    def write(change):
        content = dict(
            meta=dict(epoch=1, iter=2), state_dict=Model().state_dict(),
            message_hub=dict(log_scalars=OrderedDict(), runtime_info={},
                             resumed_keys={}),
            optimizer=optim_wrapper().state_dict(),
            param_schedulers=[schedule().state_dict()])
        change(content)
        torch.save(content, tmp_path / 'x.pth')
        return str(tmp_path / 'x.pth')

    return write


def by_runner(path, resume=False, test=False):
    runner = SimpleNamespace(
        model=Model(), hooks=[], _load_from=path, _resume=resume,
        optim_wrapper=optim_wrapper(), param_schedulers=[schedule()],
        _train_loop={} if test else
        EpochBasedTrainLoop.__new__(EpochBasedTrainLoop))
    CheckpointFitHook().after_load_checkpoint(
        runner, load_from_path_or_url(path))


def converted(path):
    with about(path):
        check(to_ours(pick_weights(read_checkpoint(path))).state)


_WAYS = {
    'convert': converted,
    'load_from': by_runner,
    'resume': lambda path: by_runner(path, resume=True),
    'test': lambda path: by_runner(path, test=True),
    'init_cfg': lambda path: ConvNeXtPretrainedInit(path)(Model().backbone),
    'infer': lambda path: load_whole(Model(), path),
}


@pytest.mark.parametrize('way', _WAYS)
@pytest.mark.parametrize('kind', WEIGHTS)
def test_weights(crafted, kind, way):
    change, message = WEIGHTS[kind]
    path = crafted(change)
    # The backbone's names are without the prefix there.
    prefix = '' if way == 'init_cfg' and 'where torch' in message else NAME[:9]
    with pytest.raises(CheckpointError) as caught:
        _WAYS[way](path)
    text = str(caught.value)
    assert path in text.splitlines()[0]
    assert message.replace(NAME, prefix + NAME[9:]) in text


_RECORD = {**RECORD, **RESUMED}
del _RECORD['seed']  # a Runner finds it


@pytest.mark.parametrize('kind', _RECORD)
def test_records(crafted, kind):
    change, message = _RECORD[kind]
    path = crafted(change)
    with pytest.raises(CheckpointError) as caught:
        by_runner(path, resume=True)
    assert str(caught.value) == f'{path}: {message}'
    by_runner(path)  # Only what is resumed needs them.


def test_good_one(crafted):
    path = crafted(lambda content: None)
    refused = []
    for way, use in _WAYS.items():
        try:
            use(path)
        except CheckpointError as error:
            refused.append(f'{way}: {error}')
    assert refused == []


@pytest.mark.parametrize('change, message', [
    (lambda group, state: state.update(exp_avg=torch.ones(3)), "its "
     "optimizer's exp_avg of a parameter (2,) is (3,)"),
    (lambda group, state: state.update(exp_avg_sq=torch.tensor([1, torch.nan])
                                       ), "its optimizer's exp_avg_sq of a "
     'parameter (2,) is (2,), with a NaN'),
    (lambda group, state: state.update(exp_avg=1), "its optimizer's exp_avg "
     'must be tensors, found int'),
])
def test_what_an_optimizer_takes(change, message):
    param = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([param])
    param.sum().backward()
    optimizer.step()
    check_optimizer(optimizer)
    change(optimizer.param_groups[0], optimizer.state[param])
    with pytest.raises(CheckpointError) as caught:
        check_optimizer(optimizer)
    assert str(caught.value) == message
