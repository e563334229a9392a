"""The state dict that is taken from files with several."""
import pytest
import torch
from checkpoint_reference import assert_same
from mmengine.runner import CheckpointLoader

from mmconvnextv2.checkpoint import (
    CheckpointError,
    describe_choice,
    pick_weights,
)
from mmconvnextv2.checkpoint.loading import safe_loading
from mmconvnextv2.checkpoint.pretrained import load_whole

_STATE = {'a': torch.arange(6.).view(2, 3), 'b': torch.ones(2).half()}
_EMA = {'a': torch.ones(2, 3), 'b': torch.zeros(2).half()}
_OF_HOOK = {'steps': torch.tensor(3),
            **{f'module.{k}': x for k, x in _EMA.items()}}


def test_weights_are_found():
    for content in (_STATE, dict(model=_STATE), dict(state_dict=_STATE, meta={
            'a': 1})):
        assert_same(pick_weights(content), _STATE)
    ema = {'c': torch.ones(1)}
    assert_same(
        pick_weights(dict(model=_STATE, model_ema=ema), 'model_ema'), ema)


@pytest.mark.parametrize('content, entry, message', [
    ([1], None, 'must be a dict of tensors, found list'),
    (dict(optimizer=1, epoch=2), None,
     r'no tensors in the file, found optimizer \(int\), epoch \(int\)'),
    (dict(model={}), None, 'no tensors in model, found nothing'),
    (dict(model=_STATE), 'ema', "no entry 'ema' of weights, found model"),
    (dict(model=_STATE, epoch=2), 'epoch',
     "no entry 'epoch' of weights, found model, epoch"),
])
def test_files_without_weights(content, entry, message):
    with pytest.raises(CheckpointError, match=message):
        pick_weights(content, entry)


@pytest.mark.parametrize('content, entry, expected', [
    (dict(model=_STATE, optimizer=dict(state={})), None, ''),
    (_STATE, None, ''),
    (dict(model=_STATE, model_ema=_EMA), None,
     'model is taken of several state dicts; entry takes another by its name: '
     'model_ema'),
    (dict(state_dict=_STATE, state_dict_ema=_EMA), 'state_dict_ema',
     'state_dict_ema is taken of several state dicts; entry takes another by '
     'its name: state_dict'),
    (dict(state_dict=_STATE, ema_state_dict=_OF_HOOK), None,
     'state_dict (averaged by EMAHook) is taken of several state dicts; entry '
     'takes another by its name: ema_state_dict (as trained)'),
    # Of others, which need not exchange them.
    (dict(state_dict=_STATE, ema_state_dict=_EMA), None,
     'state_dict is taken of several state dicts; entry takes another by its '
     'name: ema_state_dict'),
])
def test_choice_is_described(content, entry, expected):
    assert describe_choice(content, entry) == expected


def test_each_reader_takes_the_entry(tmp_path):
    model = torch.nn.Linear(3, 2).half()
    states = [{k: torch.full_like(x, i) for k, x in model.state_dict().items()}
              for i in (1, 2)]
    path = str(tmp_path / 'w.pth')
    torch.save(dict(state_dict=states[0], ema_state_dict=dict(
        {f'module.{k}': x for k, x in states[1].items()},
        steps=torch.tensor(3)), meta=dict(epoch=1)), path)
    for entry, expected in ((None, states[0]), ('ema_state_dict', states[1])):
        assert load_whole(model, path, entry) == dict(epoch=1)
        assert_same(model.state_dict(), expected)
        with safe_loading(entry):
            content = CheckpointLoader.load_checkpoint(path, 'cpu')
        assert_same(content['state_dict'], expected)
        assert ('ema_state_dict' in content) == (entry is None)
