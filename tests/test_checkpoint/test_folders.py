"""Weights in several files, and files that hold them differently."""
import json
import os
import pickle
import shutil

import pytest
import timm
import torch
from checkpoint_reference import (
    as_model,
    assert_same,
    official_state,
    random_backbone,
)
from safetensors.torch import save_file
from torch.distributed import checkpoint

from mmconvnextv2.checkpoint import (
    CheckpointError,
    describe_choice,
    pick_weights,
    read_checkpoint,
    to_ours,
)


@pytest.fixture
def state():
    return as_model(random_backbone(), classes=3)


@pytest.fixture(autouse=True)
def within(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir('f')


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    return str(caught.value)


def shard(state, suffix):
    """Write two shards and their index; returns its path."""
    names = [f'f/model-0000{i}-of-00002.{suffix}' for i in (1, 2)]
    where = {x: names[i % 2] for i, x in enumerate(state)}
    for name in names:
        part = {x: state[x] for x in state if where[x] == name}
        (save_file if suffix == 'safetensors' else torch.save)(part, name)
    index = f'f/model.{suffix}.index.json'
    with open(index, 'w') as file:
        json.dump(dict(weight_map={
            x: os.path.basename(name) for x, name in where.items()}), file)
    return index


@pytest.mark.parametrize('suffix', ['safetensors', 'bin'])
def test_shards(state, suffix):
    index = shard(state, suffix)
    first = f'f/model-00001-of-00002.{suffix}'
    for path in (index, 'f'):
        assert_same(read_checkpoint(path), state)
    assert refusal(first) == (f'{first} is one of several shards: name their '
                              'index (.index.json) or their folder')
    os.rename(first, 'elsewhere')
    assert refusal('f') == (
        f'{index} names 2 files, of which 1 are not beside it: '
        f'{os.path.basename(first)}')
    shutil.copy(first.replace('1-of', '2-of'), first)
    assert refusal('f').startswith(
        f'{index} names weights that its files lack: ')


def test_folders(state):
    assert refusal('f') == (
        'the folder f holds no weights: there is no *.safetensors.index.json, '
        '*.safetensors, *.bin.index.json, pytorch_model*.bin, .metadata, '
        'found nothing')
    with open('f/config.json', 'w') as file:
        json.dump(dict(depths=[1]), file)
    assert refusal('f/config.json') == (
        'f/config.json is no index of weights, which has a weight_map: name '
        'the weights or their folder')
    torch.save(state, 'f/pytorch_model.bin')
    assert_same(read_checkpoint('f'), state)
    save_file({'a': torch.ones(1)}, 'f/model.safetensors')
    assert list(read_checkpoint('f')) == ['a']  # before what is pickled
    save_file({'a': torch.ones(1)}, 'f/model_1.safetensors')
    assert refusal('f') == (
        'the folder f holds several files of weights, name one: '
        'f/model.safetensors, f/model_1.safetensors')


def test_distributed_checkpoints(state):
    model = official_state(state)
    parts = dict(model=model, optimizer=dict(state={'a': torch.ones(3)}),
                 epoch=3, scale=torch.tensor(2.))
    checkpoint.save(parts, checkpoint_id='f', no_dist=True)
    content = read_checkpoint('f')
    assert content.keys() == {'model', 'scale'}
    assert_same(content['model'], model)
    assert_same(to_ours(pick_weights(content)).state, state)
    assert refusal('f/__0_0.distcp') == (
        'f/__0_0.distcp is a part of a torch.distributed.checkpoint: name its '
        'folder, with .metadata')
    os.truncate('f/__0_0.distcp', 1000)
    assert refusal('f') == ('f lacks parts: its .metadata names 33,624 '
                                    'bytes of tensors, its files have 1,000')


class Calls:

    def __reduce__(self):
        return os.mkdir, ('ran', )


def test_metadata_do_not_run_code(state):
    checkpoint.save(state, checkpoint_id='f', no_dist=True)
    assert_same(read_checkpoint('f'), state)
    with open('f/.metadata', 'wb') as file:
        pickle.dump([Calls()], file)
    assert 'its .metadata asks for posix.mkdir, which is not loaded' in \
        refusal('f')
    with open('f/.metadata', 'rb') as file:  # It would have.
        assert not os.path.exists('ran')
        pickle.load(file)
    assert os.path.exists('ran')


def run_advice(message):
    """Do what a message advises, to the letter."""
    exec(message.split('python -c "')[1].split('"')[0])
    return read_checkpoint('weights.pth')


def test_programs_are_named_and_the_advice_helps():
    layer = torch.nn.Linear(3, 2)
    torch.jit.script(layer).save('x.pt')
    torch.export.save(torch.export.export(layer, (torch.ones(1, 3), )),
                      'x.pt2')
    for path, kind in (('x.pt', 'a TorchScript model'),
                       ('x.pt2', 'a program of torch.export')):
        message = refusal(path)
        assert message.startswith(f'{path} is {kind}: keep its weights by ')
        assert_same(run_advice(message), layer.state_dict())


@pytest.mark.parametrize('wrap', [lambda x: x, lambda x: dict(model=x),
                                  torch.nn.DataParallel, torch.compile])
def test_pickled_models_are_refused_and_the_advice_helps(wrap):
    theirs = timm.models.ConvNeXt(depths=[1] * 4, dims=[4, 6, 8, 10])
    torch.save(wrap(theirs), 'x.pth')
    content = run_advice(refusal('x.pth'))
    assert_same(to_ours(pick_weights(content)).state,
                to_ours(theirs.state_dict()).state)


def test_wrapped_modules_within_names(state):
    block = torch.nn.ModuleDict(dict(backbone=random_backbone()))
    for i, inner in enumerate(block.backbone.stages[1]):
        block.backbone.stages[1][i] = torch.nn.DataParallel(inner)
    names = torch.compile(block).state_dict()
    assert '_orig_mod.backbone.stages.1.2.module.grn.gamma' in names
    own = {k: v for k, v in state.items() if k.startswith('backbone.')}
    assert_same(to_ours(pick_weights(names)).state, own)
    twice = {'a.b': torch.ones(1), 'a._orig_mod.b': torch.ones(1)}
    with pytest.raises(CheckpointError,
                       match=r'a\._orig_mod\.b and another tensor are both a'):
        pick_weights(twice)


def test_a_file_of_nothing_but_averages(state):
    only = dict(model_ema=state, epoch=1, args='x')
    assert_same(pick_weights(only), state)
    assert describe_choice(only) == 'model_ema is taken, the only state dict'
    both = dict(student=state, teacher=state)
    with pytest.raises(CheckpointError, match='several state dicts, entry take'
                       's one by its name: student, teacher$'):
        pick_weights(both)
    assert_same(pick_weights(both, 'teacher'), state)
    # Lightning's WeightAveraging exchanges the two, as EMAHook does.
    assert describe_choice(
        dict(state_dict=state, current_model_state=state)) == (
            'state_dict (averaged by WeightAveraging) is taken of several '
            'state dicts; entry takes another by its name: '
            'current_model_state (as trained)')
