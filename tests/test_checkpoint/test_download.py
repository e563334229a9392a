"""Weights from servers that fail in every way, on this machine."""
import errno
import gzip
import hashlib
import os
import re

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
    monkeypatch.setattr(download, '_SILENCE', 0.3)
    # A proxy would answer instead of the server.
    monkeypatch.setenv('no_proxy', '*')
    return tmp_path / 'hub' / 'checkpoints'


def refusal(url, cache):
    """The reason why a file cannot be had; checks that nothing is left."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(url)
    assert os.listdir(cache) == []
    return str(caught.value)


@pytest.mark.parametrize('fault', ['file', 'undeclared'])
def test_whole_files_are_downloaded_once(server, folder, cache, fault):
    names = [x.name for x in folder.iterdir() if x.name != 'w-0123abcd.pth']
    for name in names * 2:
        assert_same(read_checkpoint(server.url(f'{fault}/{name}')), _STATE)
    assert len(server.asked) == 3
    assert sorted(os.listdir(cache)) == sorted(
        download.local_name(server.url(f'{fault}/{name}')) for name in names)


def test_addresses_that_end_in_one_name_have_a_copy_each(server, folder,
                                                         cache):
    for name in 'ab':
        (folder / name).mkdir()
        torch.save({name: torch.ones(2)}, folder / name / 'w.pth')
    for address in ('a/w.pth', 'b/w.pth', 'a/w.pth?of=2'):
        found = read_checkpoint(server.url(f'file/{address}'))
        assert list(found) == [address[0]]
    assert len(os.listdir(cache)) == 3


@pytest.mark.parametrize('path, name', [
    ('w-0123abcd.pth', 'w-0123abcd.pth'),
    ('w.pth', 'w.2f7b7877.pth'),
    ('w-20230104.safetensors?x=1#y', 'w-20230104.85bb359b.safetensors'),
    ('', '.5c9cb69d'),
])
def test_name_of_the_copy(path, name):
    assert download.local_name(f'https://x.org/a/{path}') == name


_SILENT = 'the server was silent for 0.3 s'


@pytest.mark.parametrize('path, reason', [
    ('silent/w.pth', _SILENT),
    ('stall/w.pth', _SILENT),
    ('gone/w.pth', 'HTTP Error 404: Not Found'),
    ('cut/w.pth', r'the connection ended after 120,\d+ of 241,\d+ bytes'),
    ('file/w-0123abcd.pth', 'its SHA-256 is [0-9a-f]{64}, by its name it '
     'should begin with 0123abcd'),
])
def test_failures_have_a_reason_and_leave_nothing(server, cache, path, reason):
    url = server.url(path)
    assert re.fullmatch(
        rf'{url} could not be downloaded \({reason}\)\. Get the file on '
        'another machine and name its path instead', refusal(url, cache))


@pytest.mark.parametrize('path, size, reason', [
    ('page/w.pth', 37, "it is a web page, which begins '<!DOCTYPE html>"
     "<title>Sign in</title>'"),
    ('file/half.pth', None,
     'it is cut off: the directory at its end is missing'),
    ('file/legacy.pth', None, '.*'),
])
def test_other_files_are_refused_and_leave_nothing(server, folder, cache, path,
                                                   size, reason):
    torch.save(_STATE, folder / 'legacy.pth',
               _use_new_zipfile_serialization=False)
    for name, source in (('half', 'w'), ('legacy', 'legacy')):
        data = (folder / f'{source}.pth').read_bytes()
        (folder / f'{name}.pth').write_bytes(data[:len(data) // 2])
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
    said = []
    monkeypatch.setattr(download, 'broadcast_object_list', said.append)
    url = f'{closed()}/w.pth'
    text = refusal(url, cache)
    (failure, ), = said
    assert str(failure) == text
    # Another process, which is told so.
    monkeypatch.setattr(download, 'get_rank', lambda: 1)
    monkeypatch.setattr(download, '_fetch', None)
    monkeypatch.setattr(download, 'broadcast_object_list',
                        lambda x: x.__setitem__(0, failure))
    assert refusal(url, cache) == text


def test_damaged_file_of_an_earlier_download(server, cache):
    cache.mkdir(parents=True)
    url = server.url('file/w.pth')
    path = cache / download.local_name(url)
    path.write_text('half')
    assert refusal(url, cache) == (
        f'{url} is damaged, cut off or no checkpoint (4 bytes): it is text, '
        f"which begins 'half'\nThe local copy {path} is removed.")
    assert not server.asked
    assert_same(read_checkpoint(url), _STATE)


def test_cache_that_cannot_be_written(server, cache):
    cache.parent.write_text('in the way')
    with pytest.raises(CheckpointError, match='Not a directory'):
        read_checkpoint(server.url('file/w.pth'))


@pytest.mark.parametrize('fault, has', [
    ('file', '0.0002413'), ('undeclared', 'more than 0.0002')])
def test_size_is_limited(server, folder, cache, monkeypatch, fault, has):
    size = (folder / 'w.pth').stat().st_size
    url = server.url(f'{fault}/w.pth')
    monkeypatch.setattr(download, '_MOST', 0.0002e9)
    assert refusal(url, cache) == (
        f'{url} could not be downloaded (it has {has} GB, at most 0.0002 are '
        'taken). Get the file on another machine and name its path instead')
    monkeypatch.setattr(download, '_MOST', size)
    assert_same(read_checkpoint(url), _STATE)


def test_parts_of_killed_processes_are_removed(server, cache):
    cache.mkdir(parents=True)
    url = server.url('file/w.pth')
    name = download.local_name(url)
    kept, left = [f'{name}.a.part', 'other.pth.b.part'], f'{name}.b.part'
    for part in [*kept, left]:
        (cache / part).write_text('half')
        if part != kept[0]:
            os.utime(cache / part, (1, 1))
    read_checkpoint(url)
    assert sorted(os.listdir(cache)) == sorted([name, *kept])


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
        read_checkpoint(url := server.url('file/w.pth'))
    name = download.local_name(url)
    assert str(caught.value).endswith(
        f'{error}\nThe local copy is {cache}/{name}; without it, the file is '
        'downloaded again.')
    assert os.listdir(cache) == [name]


def test_compressed_answer_is_removed(server, folder, cache):
    (folder / 'z.pth').write_bytes(gzip.compress(b'weights', mtime=0))
    url = server.url('file/z.pth')
    assert refusal(url, cache) == (
        f'{url} is damaged, cut off or no checkpoint (27 bytes): no pickle of '
        f'PyTorch (31)\nThe local copy {cache}/{download.local_name(url)} is '
        'removed.')
