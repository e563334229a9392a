"""Weights from servers that fail in every way, on this machine."""
import errno
import gzip
import hashlib
import os
import re
import socket

import pytest
import torch
from checkpoint_reference import assert_same
from unreliable_server import accepting, closed, serving

from mmconvnextv2.checkpoint import (
    CheckpointError,
    download,
    io,
    read_checkpoint,
)

_STATE = {'a': torch.arange(60_000.)}


@pytest.fixture
def folder(tmp_path):
    """A folder with w.pth, and the same under names with hashes and a date."""
    path = tmp_path / 'served'
    path.mkdir()
    torch.save(_STATE, path / 'w.pth')
    data = (path / 'w.pth').read_bytes()
    digits = hashlib.sha256(data).hexdigest()[:8]
    for name in (f'right-{digits}.pth', 'w-0123abcd.pth', 'w-20230104.pth'):
        (path / name).write_bytes(data)
    return path


@pytest.fixture
def server(folder):
    with serving(folder) as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Folder of downloads; silent servers are given up after 0.3 s."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setenv(download.TIME_LIMIT, '0.3')
    # A proxy would answer instead of the server.
    monkeypatch.setenv('no_proxy', '*')
    return tmp_path / 'hub' / 'checkpoints'


def refusal(url, cache):
    """The reason why a file cannot be had; checks that nothing is left."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(url)
    assert os.listdir(cache) == []
    assert socket.getdefaulttimeout() is None
    return str(caught.value)


@pytest.mark.parametrize('fault', ['file', 'undeclared'])
def test_whole_files_are_downloaded_once(server, folder, cache, fault):
    names = [x.name for x in folder.iterdir() if x.name != 'w-0123abcd.pth']
    for name in names * 2:
        assert_same(read_checkpoint(server.url(f'{fault}/{name}')), _STATE)
    assert len(server.asked) == 3
    assert sorted(os.listdir(cache)) == sorted(names)


def test_name_in_a_hub_of_hugging_face(server, folder, cache):
    (folder / 'resolve').mkdir()
    (folder / 'w.pth').rename(folder / 'resolve' / 'w.pth')
    read_checkpoint(server.url('file/resolve/w.pth'))
    assert os.listdir(cache) == ['file_resolve_w.pth']


_SILENT = ('the server was silent for 0.3 s; the variable '
           'MMCONVNEXTV2_DOWNLOAD_TIMEOUT sets another limit')


@pytest.mark.parametrize('path, reason', [
    ('silent/w.pth', _SILENT),
    ('stall/w.pth', _SILENT),
    ('gone/w.pth', 'HTTP Error 404: Not Found'),
    ('file/w-0123abcd.pth', r'invalid hash value \(expected "0123abcd", got '
     r'"[0-9a-f]{64}"\)'),
])
def test_failures_have_a_reason_and_leave_nothing(server, cache, path, reason):
    url = server.url(path)
    assert re.fullmatch(
        rf'{url} could not be downloaded \({reason}\)\. Get the file on '
        'another machine and name its path instead', refusal(url, cache))


@pytest.mark.parametrize('path, size, reason', [
    ('page/w.pth', 37, "it is a web page, which begins '<!DOCTYPE html>"
     "<title>Sign in</title>'"),
    ('cut/w.pth', None, 'it is cut off: the directory at its end is missing'),
    ('cut/legacy.pth', None, '.*'),
])
def test_other_files_are_refused_and_leave_nothing(server, folder, cache, path,
                                                   size, reason):
    torch.save(_STATE, folder / 'legacy.pth',
               _use_new_zipfile_serialization=False)
    url = server.url(path)
    assert re.fullmatch(
        rf'{url} is damaged, cut off or no checkpoint \({size or "[0-9]+"} '
        rf'bytes\): {reason}\nThe local copy {cache}/.*\.pth is removed\.',
        refusal(url, cache))


def test_servers_that_are_not_there(cache):
    assert 'Connection refused' in refusal(f'{closed()}/w.pth', cache)
    with accepting() as address:
        assert _SILENT in refusal(f'{address}/w.pth', cache)


def test_other_processes_do_not_wait_for_one_that_failed(cache, monkeypatch):
    met = []
    monkeypatch.setattr(download, 'barrier', lambda: met.append(1))
    refusal(f'{closed()}/w.pth', cache)
    assert met == [1]


def test_damaged_file_of_an_earlier_download(server, cache):
    cache.mkdir(parents=True)
    (cache / 'w.pth').write_text('half')
    url = server.url('file/w.pth')
    assert refusal(url, cache) == (
        f'{url} is damaged, cut off or no checkpoint (4 bytes): it is text, '
        f"which begins 'half'\nThe local copy {cache}/w.pth is removed.")
    assert not server.asked
    assert_same(read_checkpoint(url), _STATE)


def test_cache_that_cannot_be_written(server, cache):
    cache.parent.write_text('in the way')
    with pytest.raises(CheckpointError, match='Not a directory'):
        read_checkpoint(server.url('file/w.pth'))


@pytest.mark.parametrize('given', ['soon', '0', '-1', 'inf', 'nan', ''])
def test_time_limit_that_is_none(monkeypatch, given):
    monkeypatch.setenv(download.TIME_LIMIT, given)
    with pytest.raises(CheckpointError) as caught:
        download.time_limit()
    assert str(caught.value) == (
        'the variable MMCONVNEXTV2_DOWNLOAD_TIMEOUT must be a number of '
        f'seconds above 0, got {given!r}')


def test_time_limit_by_default(monkeypatch):
    monkeypatch.delenv(download.TIME_LIMIT, raising=False)
    assert download.time_limit() == 30


@pytest.mark.parametrize('error', [
    MemoryError(), torch.cuda.OutOfMemoryError('CUDA out of memory')])
def test_download_outlives_a_lack_of_memory(server, cache, monkeypatch, error):
    def load_data(*args, **kwargs):
        raise error

    url = server.url('file/w.pth')
    with monkeypatch.context() as patched:
        patched.setattr(io, 'load_data', load_data)
        with pytest.raises(type(error)):
            read_checkpoint(url)
    server.asked.clear()
    assert_same(read_checkpoint(url), _STATE)
    assert not server.asked


@pytest.mark.parametrize('error', [
    OSError(errno.EIO, 'Input/output error'), RuntimeError('no memory')])
def test_whole_download_is_not_removed(server, cache, monkeypatch, error):
    def load_data(*args, **kwargs):
        raise error

    monkeypatch.setattr(io, 'load_data', load_data)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(server.url('file/w.pth'))
    assert str(caught.value).endswith(
        f'{error}\nThe local copy is {cache}/w.pth; without it, the file is '
        'downloaded again.')
    assert os.listdir(cache) == ['w.pth']


def test_compressed_answer_is_removed(server, folder, cache):
    (folder / 'z.pth').write_bytes(gzip.compress(b'weights', mtime=0))
    url = server.url('file/z.pth')
    assert refusal(url, cache) == (
        f'{url} is damaged, cut off or no checkpoint (27 bytes): no pickle of '
        f'PyTorch (31)\nThe local copy {cache}/z.pth is removed.')
