"""Files: read without running anything, written whole or not at all."""
import argparse
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.torch
import torch
from checkpoint_reference import assert_same
from mmengine.logging import MessageHub

from mmconvnextv2.checkpoint import (
    CheckpointError,
    pick_weights,
    read_checkpoint,
    reading,
    write_checkpoint,
    writing,
)
from mmconvnextv2.checkpoint.loading import load_from_path_or_url

_STATE = {'a': torch.arange(6.).view(2, 3), 'b': torch.ones(2).half()}


class Payload:
    """What creates a file when it is unpickled in the usual way."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path, )


@pytest.mark.parametrize('legacy', [False, True])
def test_code_in_a_file_does_not_run(tmp_path, legacy):
    trap, path = str(tmp_path / 'ran'), str(tmp_path / 'x.pth')
    torch.save(
        dict(model=_STATE, args=Payload(trap)), path,
        _use_new_zipfile_serialization=not legacy)
    with pytest.raises(
            CheckpointError,
            match=r'x\.pth: it asks for \w+\.mkdir, which is not loaded: it '
            r'could run code\. No checkpoint needs that: do not use it\.$'):
        read_checkpoint(path)
    assert not os.path.exists(trap)
    # It would have, read carelessly.
    torch.load(path, weights_only=False)
    assert os.path.exists(trap)


def test_getattr_in_a_file_does_nothing(tmp_path):
    """MMEngine's files name it; on a class it would open a door."""

    class Reach:

        def __reduce__(self):
            return getattr, (OrderedDict, 'fromkeys')

    path = str(tmp_path / 'x.pth')
    torch.save(dict(state_dict=_STATE, message_hub=Reach()), path)
    content = read_checkpoint(path)
    assert type(content['message_hub']) is reading._Ignored


def test_method_in_a_file_is_not_called(tmp_path):
    """It is pickled as getattr, which MMEngine's files name as well."""

    class Reach:

        def __reduce__(self):
            return (tmp_path / 'ran').touch, ()

    path = str(tmp_path / 'x.pth')
    torch.save(dict(state_dict=_STATE, message_hub=Reach()), path)
    for read in (read_checkpoint, load_from_path_or_url):
        with pytest.raises(CheckpointError) as caught:
            read(path)
        assert str(caught.value) == (
            f'{path}: it wants a function called that no checkpoint needs; it '
            'may be crafted to run code. Do not use it.')
    assert not (tmp_path / 'ran').exists()


def test_newer_pickles_are_refused_with_the_reason(tmp_path):
    path = str(tmp_path / 'x.pth')
    torch.save(dict(state_dict=_STATE), path, pickle_protocol=4)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(caught.value) == (
        f'{path}: it cannot be read without running code (Unsupported operand '
        '149)')


@pytest.mark.parametrize('legacy', [False, True])
def test_what_scripts_store_is_skipped(tmp_path, legacy):
    path = str(tmp_path / 'x.pth')
    hub = MessageHub(f'checkpoint {legacy}')
    hub.update_scalar('train/loss', 1.5)
    hub.update_info('max_epochs', np.int64(3))
    torch.save(
        dict(
            model=_STATE,
            epoch=7,
            args=argparse.Namespace(lr=1.),
            meta=dict(seed=np.float64(3), x=np.arange(3), cfg='a = 1'),
            message_hub=hub.state_dict(),
            optimizer=dict(state={0: dict(exp_avg=torch.ones(3))})),
        path,
        _use_new_zipfile_serialization=not legacy)
    content = read_checkpoint(path)
    assert content['epoch'] == 7
    assert_same(pick_weights(content), _STATE)


@pytest.mark.parametrize('name', ['x.pth', 'x.pt', 'x.bin', 'x.safetensors'])
def test_there_and_back(tmp_path, name):
    path = str(tmp_path / name)
    write_checkpoint(_STATE, path)
    assert_same(read_checkpoint(path), _STATE)
    assert os.listdir(tmp_path) == [name]


def test_safetensors_are_those_of_others(tmp_path):
    path = str(tmp_path / 'x.safetensors')
    write_checkpoint(_STATE, path)
    assert_same(safetensors.torch.load_file(path), _STATE)
    with safetensors.safe_open(path, 'pt') as file:
        assert file.metadata() == dict(format='pt')


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
def test_views_are_written_alone(tmp_path, name):
    whole = torch.arange(100_000.).view(2, -1)
    path = tmp_path / name
    state = dict(a=whole[1, :3], b=whole[1, :3], c=whole[:, :2].T)
    write_checkpoint(dict(state), str(path))
    assert path.stat().st_size < 5000
    assert_same(read_checkpoint(str(path)), state)


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
@pytest.mark.parametrize('kept', [0, 5, 300, -1])
def test_cut_off_files(tmp_path, name, kept):
    path = tmp_path / name
    write_checkpoint({'a': torch.ones(500)}, str(path))
    data = path.read_bytes()[:kept]
    path.write_bytes(data)
    with pytest.raises(
            CheckpointError,
            match=rf'{name} is damaged, cut off or no checkpoint '
            rf'\({len(data)} bytes\): .'):
        read_checkpoint(str(path))


def test_other_files(tmp_path):
    path = tmp_path / 'x.pth'
    path.write_text('<html>not found</html>')
    with pytest.raises(CheckpointError, match='x.pth'):
        read_checkpoint(str(path))
    path.write_bytes(pickle.dumps(dict(a=1), protocol=2))
    with pytest.raises(CheckpointError, match='x.pth'):
        read_checkpoint(str(path))
    with pytest.raises(FileNotFoundError, match="there is no file 'gone.pth'"):
        read_checkpoint('gone.pth')


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
    (dict(model=_STATE, epoch=2), 'ema', "no entry 'ema', found model, epoch"),
    (dict(model=_STATE, epoch=2), 'epoch',
     r'no tensors in epoch, found model \(dict\), epoch \(int\)'),
])
def test_files_without_weights(content, entry, message):
    with pytest.raises(CheckpointError, match=message):
        pick_weights(content, entry)


def test_existing_files_are_kept(tmp_path):
    path = tmp_path / 'x.pth'
    path.write_text('precious')
    with pytest.raises(FileExistsError, match='x.pth exists'):
        write_checkpoint(_STATE, str(path))
    assert path.read_text() == 'precious'
    write_checkpoint(_STATE, str(path), force=True)
    assert_same(read_checkpoint(str(path)), _STATE)


@pytest.mark.parametrize('name, error, message', [
    ('x.onnx', CheckpointError, r'end in one of \.pth, \.pt, \.bin, \.safete'),
    ('gone/x.pth', FileNotFoundError, "there is no folder '.*gone'"),
    ('folder.pth', FileExistsError, 'folder.pth exists')])
def test_targets_that_cannot_be(tmp_path, name, error, message):
    (tmp_path / 'folder.pth').mkdir()
    with pytest.raises(error, match=message):
        write_checkpoint(_STATE, str(tmp_path / name), force=True)


@pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch, name):

    def fail(content, path, **kwargs):
        with open(path, 'w') as file:
            file.write('half')
        raise OSError('disk full')

    path = tmp_path / name
    path.write_text('precious')
    monkeypatch.setattr(writing.torch, 'save', fail)
    monkeypatch.setattr(safetensors.torch, 'save_file', fail)
    with pytest.raises(OSError, match='disk full'):
        write_checkpoint(_STATE, str(path), force=True)
    assert os.listdir(tmp_path) == [name]
    assert path.read_text() == 'precious'
