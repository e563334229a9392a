import os
from pathlib import Path

import pytest
import torch
from checkpoint_reference import (
    as_model,
    assert_same,
    official_state,
    pretraining_state,
    random_backbone,
)
from unreliable_server import closed

from mmconvnextv2.checkpoint import read_checkpoint, write_checkpoint

_REFUSED = 2
_OWN = 'ConvNeXt V2 own (depths [1, 3, 2, 1], channels [4, 6, 10, 12])'


@pytest.fixture
def convert(tool_here):
    return tool_here('convert_checkpoint')


@pytest.fixture
def state():
    return as_model(random_backbone(), classes=3)


def test_official_to_ours(convert, state, capsys):
    ema = {k: v + 1 for k, v in state.items()}
    torch.save(
        dict(model=official_state(state), model_ema=official_state(ema)),
        'o.pt')
    assert convert('o.pt', 'e.pth', '--entry', 'model_ema') == 0
    assert_same(read_checkpoint('e.pth')['state_dict'], ema)
    capsys.readouterr()
    assert convert('o.pt', 'w.pth') == 0
    content = read_checkpoint('w.pth')
    assert content['meta'] == dict(converted_from='official', source='o.pt')
    assert_same(content['state_dict'], state)
    assert capsys.readouterr().out == (
        f'o.pt: official, {_OWN}, 3 input channels, 3 classes\n'
        'model is taken of several state dicts; entry takes another by its '
        'name: model_ema\n'
        f'w.pth: mmpretrain, {len(state)} tensors\n')


def test_pretraining_to_ours(convert, state, capsys):
    state = {k: v for k, v in state.items()
             if not k.startswith(('backbone.norm', 'head'))}
    model = pretraining_state(state)
    torch.save(dict(model=model, epoch=12, optimizer=dict(state=1)), 'p.pth')
    assert convert('p.pth', 'w.pth', '--from', 'official-pretraining') == 0
    content = read_checkpoint('w.pth')
    assert content['meta']['source_epoch'] == 12
    assert_same(content['state_dict'], state)
    assert "left out: the optimizer's state\n" in capsys.readouterr().out
    assert convert('w.pth', 'q.pth', '--to', 'official-pretraining') == 0
    assert_same(read_checkpoint('q.pth')['model'], model)


@pytest.mark.parametrize('target', ['timm', 'official', 'huggingface'])
@pytest.mark.parametrize('name', ['x.safetensors', 'x.pth'])
def test_ours_to_others_and_back(convert, state, capsys, target, name):
    torch.save({**state, 'neck.conv.weight': torch.ones(1)}, 'w.pth')
    assert convert('w.pth', name, '--to', target) == 0
    assert 'left out (1): neck.conv.weight\n' in capsys.readouterr().out
    content = read_checkpoint(name)
    if name == 'x.pth':
        assert ('model' in content) is (target == 'official')
    assert convert(name, 'back.pth', '--from', target) == 0
    assert_same(read_checkpoint('back.pth')['state_dict'], state)


def test_existing_files_are_kept_unless_forced(convert, state, capsys):
    torch.save(state, 'w.pth')
    write_checkpoint({'a': torch.ones(1)}, 'x.pth')
    before = Path('x.pth').read_bytes()
    assert convert('w.pth', 'x.pth', '--to', 'timm') == _REFUSED
    assert capsys.readouterr().err == (
        'convert_checkpoint.py: target: x.pth exists; only force replaces '
        'it\n')
    assert Path('x.pth').read_bytes() == before
    assert convert('w.pth', 'x.pth', '--to', 'timm', '--force') == 0
    assert 'stem.0.weight' in read_checkpoint('x.pth')
    # In place.
    assert convert('x.pth', 'x.pth', '--force') == 0
    assert_same(read_checkpoint('x.pth')['state_dict'], state)


def damaged(state):
    del state['backbone.stages.1.1.norm.bias']
    return state


@pytest.mark.parametrize('content, arguments, message', [
    (lambda s: {'fc.weight': torch.ones(1)}, (),
     'w.pth: the names are not those of a ConvNeXt or ConvNeXt V2'),
    (lambda s: s, ('--from', 'timm'),
     'w.pth: it is of format mmpretrain, not timm'),
    (damaged, (), 'missing (1): backbone.stages.1.1.norm.bias'),
    (lambda s: s, ('--entry', 'ema'), "w.pth: there is no entry 'ema'"),
    (lambda s: [1], (), 'w.pth: a checkpoint must be a dict'),
])
def test_refused_weights(convert, state, capsys, content, arguments, message):
    torch.save(content(state), 'w.pth')
    assert convert('w.pth', 'x.pth', *arguments) == _REFUSED
    assert message in capsys.readouterr().err
    assert os.listdir() == ['w.pth']


def test_refused_files(convert, state, monkeypatch, capsys):
    torch.save(state, 'w.pth')
    Path('cut.pth').write_bytes(Path('w.pth').read_bytes()[:-100])

    def fail(*args, **kwargs):
        raise OSError('No space left on device')

    monkeypatch.setattr(torch, 'save', fail)
    url = f'{closed()}/w.pth'
    for source, target, message in (
        ('cut.pth', 'x.pth', 'cut.pth is damaged, cut off or no checkpoint ('),
        (url, 'x.pth', f'{url} could not be downloaded ('),
        ('gone.pth', 'x.pth', "source: there is no file 'gone.pth'"),
        ('w.pth', 'x.onnx', 'target: the name of a checkpoint must end in '),
        ('w.pth', 'no/x.pth', "target: there is no folder 'no'"),
        ('w.pth', 'x.pth', 'target: No space left on device')):
        assert convert(source, target) == _REFUSED
        assert capsys.readouterr().err.startswith(
            f'convert_checkpoint.py: {message}')
    assert sorted(os.listdir()) == ['cut.pth', 'w.pth']
