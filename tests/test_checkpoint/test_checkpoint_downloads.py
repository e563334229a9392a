"""Weights from servers that fail in every way, on this machine."""
import hashlib
import os
import re
from urllib.error import URLError

import pytest
import torch
from checkpoint_reference import assert_same
from unreliable_server import accepting, closed, serving

from mmconvnextv2.checkpoint import (
    CheckpointError,
    downloading,
    read_checkpoint,
)
from mmconvnextv2.checkpoint.downloading import download, time_limit

_STATE = {'a': torch.arange(60_000.)}


@pytest.fixture
def folder(tmp_path):
    """A folder with w.pth, and the same under a name with its hash."""
    path = tmp_path / 'served'
    path.mkdir()
    torch.save(_STATE, path / 'w.pth')
    data = (path / 'w.pth').read_bytes()
    told = hashlib.sha256(data).hexdigest()[:8]
    for name in (f'w-{told}.pth', 'w-0123abcd.pth', 'w-20230104.pth'):
        (path / name).write_bytes(data)
    return path


@pytest.fixture
def server(folder):
    with serving(folder) as running:
        yield running


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where downloads go."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    # A proxy would answer in the place of the server.
    monkeypatch.setenv('no_proxy', '*')
    return tmp_path / 'hub' / 'checkpoints'


@pytest.fixture
def impatient(monkeypatch):
    """Silent servers are given up after 0.3 s."""
    monkeypatch.setenv(downloading.TIME_LIMIT, '0.3')


@pytest.mark.parametrize('fault', ['file', 'undeclared'])
def test_whole_files_are_downloaded_once(server, folder, cache, fault):
    told = next(x.name for x in folder.glob('w-*.pth')
                if x.name not in ('w-0123abcd.pth', 'w-20230104.pth'))
    for name in ('w.pth', told, 'w-20230104.pth'):
        for _ in range(2):
            assert_same(read_checkpoint(server.url(f'{fault}/{name}')), _STATE)
    assert len(server.asked) == 3
    assert sorted(os.listdir(cache)) == sorted(['w.pth', told,
                                                'w-20230104.pth'])


def test_name_in_a_hub_of_hugging_face(server, folder, cache):
    (folder / 'resolve').mkdir()
    (folder / 'w.pth').rename(folder / 'resolve' / 'w.pth')
    read_checkpoint(server.url('file/resolve/w.pth'))
    assert os.listdir(cache) == ['file_resolve_w.pth']


@pytest.mark.parametrize('fault', ['silent', 'stall'])
def test_silent_servers_are_given_up(server, cache, impatient, fault):
    url = server.url(f'{fault}/w.pth')
    with pytest.raises(URLError) as caught:
        read_checkpoint(url)
    assert caught.value.reason == (
        'the server was silent for 0.3 s; the variable '
        'MMCONVNEXTV2_DOWNLOAD_TIMEOUT sets another limit')
    assert caught.value.filename == url and os.listdir(cache) == []


@pytest.mark.parametrize('path, reason', [
    ('cut/w.pth', r'the connection broke off, \d{6} bytes before the end'),
    ('gone/w.pth', 'the server answers 404 Not Found'),
    ('page/w.pth', 'what came is no checkpoint: it is a web page, which '
     "begins '<!DOCTYPE html><title>Sign in</title>'"),
    ('file/w-0123abcd.pth', r'its name tells SHA-256 0123abcd\.\.\., what '
     r'came has [0-9a-f]{8}\.\.\.: it was changed or damaged on its way'),
])
def test_failures_have_a_reason_and_leave_nothing(server, cache, path, reason):
    with pytest.raises(URLError) as caught:
        read_checkpoint(server.url(path))
    assert re.fullmatch(reason, caught.value.reason)
    assert caught.value.filename == server.url(path)
    assert os.listdir(cache) == []


def test_half_of_a_file_of_unknown_length(server, folder, cache):
    whole = (folder / 'w.pth').read_bytes()
    (folder / 'w.pth').write_bytes(whole[:len(whole) // 2])
    with pytest.raises(URLError, match='it is cut off: the directory at its '
                       'end is missing'):
        read_checkpoint(server.url('undeclared/w.pth'))
    assert os.listdir(cache) == []


def test_servers_that_are_none(cache, impatient):
    with pytest.raises(URLError, match='Connection refused'):
        read_checkpoint(f'{closed()}/w.pth')
    with accepting() as address, pytest.raises(
            URLError, match='silent for 0.3 s'):
        read_checkpoint(f'{address}/w.pth')
    assert os.listdir(cache) == []


def test_other_processes_do_not_wait_for_one_that_failed(cache, monkeypatch):
    met = []
    monkeypatch.setattr(downloading, 'barrier', lambda: met.append(1))
    with pytest.raises(URLError):
        read_checkpoint(f'{closed()}/w.pth')
    assert met == [1]


def test_damaged_file_of_an_earlier_download(server, cache):
    cache.mkdir(parents=True)
    (cache / 'w.pth').write_text('half')
    url = server.url('file/w.pth')
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(url)
    assert str(caught.value) == (
        f'{url} is damaged, cut off or no checkpoint (4 bytes): it is text, '
        f"which begins 'half'\nThe file is {cache}/w.pth; without it, it is "
        'downloaded again.')
    assert not server.asked


def test_disk_that_is_full_is_not_blamed_on_the_server(server, tmp_path):
    if not os.path.exists('/dev/full'):
        pytest.skip('there is no /dev/full here')
    part = tmp_path / f'.w.{os.getpid()}.part.pth'
    part.symlink_to('/dev/full')
    with pytest.raises(OSError, match='No space left on device') as caught:
        download(server.url('file/w.pth'), str(tmp_path / 'w.pth'))
    assert not isinstance(caught.value, URLError)
    assert not (tmp_path / 'w.pth').exists()


@pytest.mark.parametrize('given', ['soon', '0', '-1', 'inf', 'nan', ''])
def test_time_limit_that_is_none(monkeypatch, given):
    monkeypatch.setenv(downloading.TIME_LIMIT, given)
    with pytest.raises(CheckpointError) as caught:
        time_limit()
    assert str(caught.value) == (
        'the variable MMCONVNEXTV2_DOWNLOAD_TIMEOUT must be a number of '
        f'seconds above 0, got {given!r}')


def test_time_limit_by_default(monkeypatch):
    monkeypatch.delenv(downloading.TIME_LIMIT, raising=False)
    assert time_limit() == 30
