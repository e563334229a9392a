"""Files: read without running anything, written whole or not at all."""
import argparse
import os
import pickle
import re
from pathlib import Path, PurePath

import numpy as np
import pytest
import safetensors.torch
import torch
from checkpoint_reference import assert_same
from mmengine.logging import MessageHub

from mmconvnextv2.checkpoint import (
    CheckpointError,
    read_checkpoint,
    write_checkpoint,
)

_STATE = {'a': torch.arange(6.).view(2, 3), 'b': torch.ones(2).half()}
_BOTH = pytest.mark.parametrize('name', ['x.pth', 'x.safetensors'])
_LEGACY = pytest.mark.parametrize('legacy', [False, True])


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


def refusal(path, content=None, **kwargs):
    """The reason why a file is not read."""
    if content is not None:
        torch.save(content, path, **kwargs)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(str(path))
    return str(caught.value)


@_LEGACY
def test_code_in_a_file_does_not_run(tmp_path, legacy):
    trap, path = tmp_path / 'ran', tmp_path / 'x.pth'
    content = dict(model=_STATE, args=Calls(os.mkdir, str(trap)))
    assert refusal(
        path, content, _use_new_zipfile_serialization=not legacy) == (
            f'{path}: it asks for posix.mkdir, which is not loaded: it could '
            'run code. No checkpoint needs that: do not use it.')
    assert not trap.exists()
    # It would have, read carelessly.
    torch.load(path, weights_only=False)
    assert trap.exists()


def test_method_in_a_file_is_not_called(tmp_path):
    """It is pickled as getattr, which MMEngine's files name as well."""
    path = tmp_path / 'x.pth'
    text = refusal(path, [Calls((tmp_path / 'ran').touch)])
    assert text.startswith(f'{path}: it cannot be read without running code '
                           '(Trying to call reduce for unrecognized function')
    assert not (tmp_path / 'ran').exists()


def test_newer_pickles_are_refused_with_the_reason(tmp_path):
    path = tmp_path / 'x.pth'
    assert refusal(path, _STATE, pickle_protocol=4) == (
        f'{path}: it cannot be read without running code (Unsupported operand '
        '149)')


@_LEGACY
def test_what_scripts_store_is_read(tmp_path, legacy):
    path = str(tmp_path / 'x.pth')
    hub = MessageHub(f'checkpoint {legacy}')
    hub.update_scalar('train/loss', 1.5)
    hub.update_info('max_epochs', np.int64(3))
    torch.save(
        dict(
            model=_STATE,
            epoch=7,
            args=argparse.Namespace(lr=1., out=Path('runs')),
            meta=dict(seed=np.float64(3), x=np.arange(3), cfg='a = 1'),
            message_hub=hub.state_dict(),
            optimizer=dict(state={0: dict(exp_avg=torch.ones(3))})),
        path,
        _use_new_zipfile_serialization=not legacy)
    content = read_checkpoint(path)
    assert content['epoch'] == 7
    assert content['args'] == argparse.Namespace(lr=1., out=PurePath('runs'))
    assert_same(content["model"], _STATE)


@pytest.mark.parametrize('content, claimed', [
    (b'\x09' + bytes(7) + b'{}      ', '9'), (b'\x02\0', '2'),
    (b'\xff' * 8 + b'{}', '18,446,744,073,709,551,615')])
def test_header_longer_than_its_file(tmp_path, content, claimed):
    path = tmp_path / 'x.safetensors'
    path.write_bytes(content)
    assert refusal(path) == (
        f'{path} is damaged, cut off or no checkpoint ({len(content)} bytes): '
        f'its header claims {claimed} bytes')


@pytest.mark.parametrize('name', ['x.pth', 'x.pt', 'x.bin', 'x.safetensors'])
def test_there_and_back(tmp_path, name):
    path = str(tmp_path / name)
    write_checkpoint(_STATE, path)
    assert_same(read_checkpoint(path), _STATE)
    assert os.listdir(tmp_path) == [name]
    if name == 'x.safetensors':
        with safetensors.safe_open(path, 'pt') as file:
            assert file.metadata() == dict(format='pt')


@_BOTH
@pytest.mark.parametrize('location', ['meta', torch.device('meta')])
def test_tensors_go_where_they_are_wanted(tmp_path, name, location):
    path = str(tmp_path / name)
    write_checkpoint(_STATE, path)
    found = read_checkpoint(path, location)
    assert {x: y.device.type for x, y in found.items()} == dict(
        a='meta', b='meta')


@_BOTH
def test_views_are_written_alone(tmp_path, name):
    whole = torch.arange(100_000.).view(2, -1)
    path = tmp_path / name
    state = dict(a=whole[1, :3], b=whole[1, :3], c=whole[:, :2].T)
    write_checkpoint(dict(state), str(path))
    assert path.stat().st_size < 5000
    assert_same(read_checkpoint(str(path)), state)


@_BOTH
@pytest.mark.parametrize('kept', [0, 5, 300, -1])
def test_cut_off_files(tmp_path, name, kept):
    path = tmp_path / name
    write_checkpoint({'a': torch.ones(500)}, str(path))
    data = path.read_bytes()[:kept]
    path.write_bytes(data)
    assert re.match(
        rf'{path} is damaged, cut off or no checkpoint \({len(data)} bytes\): '
        '.', refusal(path))


@pytest.mark.parametrize('content, reason', [
    (b'', '(0 bytes): it is empty'),
    (b'<html>not found</html>', '(22 bytes): it is a web page, which begins '
     "'<html>not found</html>'"),
    (b'epoch 1:\nloss', "(13 bytes): it is text, which begins 'epoch 1: "
     "loss'"),
    (b'version https://git-lfs.github.com/spec/v1', '(42 bytes): it is a '
     'pointer of Git LFS, "git lfs pull" gets the file'),
    (b'PK\3\4 and so on', '(14 bytes): it is cut off: the directory at its '
     'end is missing'),
    (pickle.dumps(dict(a=1), protocol=2), ''),
])
def test_other_files(tmp_path, content, reason):
    path = tmp_path / 'x.pth'
    path.write_bytes(content)
    text = refusal(path)
    assert text.startswith(f'{path}')
    if reason:
        assert text == f'{path} is damaged, cut off or no checkpoint {reason}'


def test_missing_file():
    with pytest.raises(FileNotFoundError, match="there is no file 'gone.pth'"):
        read_checkpoint('gone.pth')


def test_address_of_an_unknown_kind():
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint('ftp://x.org/w.pth')
    assert str(caught.value) == (
        "ftp://x.org/w.pth: MMEngine has no file backend for it ('ftp'). Give "
        'a path, or a URL of http or https')


@pytest.mark.parametrize('name, force, error, message', [
    ('x.onnx', True, CheckpointError,
     r'end in one of \.pth, \.pt, \.bin, \.safetensors, got '),
    ('gone/x.pth', True, FileNotFoundError, "there is no folder '.*gone'"),
    ('folder.pth', True, FileExistsError, 'folder.pth exists, and is a'),
    ('file.pth', False, FileExistsError, 'file.pth exists; only force'),
])
def test_targets_that_cannot_be(tmp_path, name, force, error, message):
    (tmp_path / 'folder.pth').mkdir()
    (tmp_path / 'file.pth').write_text('precious')
    with pytest.raises(error, match=message):
        write_checkpoint(_STATE, str(tmp_path / name), force)
    assert (tmp_path / 'file.pth').read_text() == 'precious'
    write_checkpoint(_STATE, str(tmp_path / 'file.pth'), force=True)
    assert_same(read_checkpoint(str(tmp_path / 'file.pth')), _STATE)


@_BOTH
def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch, name):

    def fail(content, path, *args):
        path.write_text('half')
        raise OSError('disk full')

    path = tmp_path / name
    path.write_text('precious')
    monkeypatch.setattr(torch, 'save', fail)
    monkeypatch.setattr(safetensors.torch, 'save_file', fail)
    with pytest.raises(OSError, match='disk full'):
        write_checkpoint(_STATE, str(path), force=True)
    assert os.listdir(tmp_path) == [name]
    assert path.read_text() == 'precious'
