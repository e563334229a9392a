"""Files that are complete under their name or not there."""
import errno
import os

import pytest
import torch

from mmconvnextv2.files import (
    explain_unwritten,
    is_whole,
    latest_whole_checkpoint,
    write_text,
    written_whole,
)


def _save(path):
    torch.save(dict(a=1), path)
    return path


def test_write_text_keeps_the_former_content(tmp_path, monkeypatch):
    path = str(tmp_path / 'last_checkpoint')
    write_text(path, 'old')

    def fail(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, 'replace', fail)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            write_text(path, 'new')
    assert (tmp_path / 'last_checkpoint').read_text() == 'old'
    write_text(path, 'new')
    assert (tmp_path / 'last_checkpoint').read_text() == 'new'
    assert os.listdir(tmp_path) == ['last_checkpoint']


def test_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    done = []

    def watched(name, what):
        real = getattr(os, name)

        def call(*args):
            done.append((name, what(*args)))
            return real(*args)

        monkeypatch.setattr(os, name, call)

    watched('fsync', lambda descriptor: os.path.basename(
        os.readlink(f'/proc/self/fd/{descriptor}')))
    watched('replace', lambda part, path: os.path.basename(path))
    write_text(tmp_path / 'x', 'new')
    assert done == [('fsync', f'.x.{os.getpid()}.part'), ('replace', 'x'),
                    ('fsync', tmp_path.name)]


def test_a_link_named_like_a_part_leads_nowhere(tmp_path):
    other = tmp_path / 'other'
    other.write_text('precious')
    (tmp_path / f'.x.{os.getpid()}.part').symlink_to(other)
    write_text(tmp_path / 'x', 'new')
    assert other.read_text() == 'precious'
    assert (tmp_path / 'x').read_text() == 'new'
    assert not (tmp_path / 'x').is_symlink()


def test_a_block_that_fails_leaves_nothing(tmp_path):
    path = tmp_path / 'x.png'
    path.write_text('old')
    with pytest.raises(KeyError), written_whole(path) as part:
        assert part.suffix == '.png' and part.parent == tmp_path
        part.write_text('half')
        raise KeyError
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['x.png']


def test_is_whole(tmp_path):
    path = _save(tmp_path / 'a.pth')
    assert is_whole(str(path))
    content = path.read_bytes()
    for length in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        assert not is_whole(str(path)), length


def test_latest_whole_checkpoint(tmp_path):
    assert latest_whole_checkpoint(str(tmp_path)) is None
    assert latest_whole_checkpoint(str(tmp_path / 'none')) is None
    old, new = (_save(tmp_path / f'epoch_{i}.pth') for i in (1, 2))
    best = _save(tmp_path / 'best_acc_epoch_2.pth')
    for time, path in enumerate((old, new, best)):
        os.utime(path, (time, time))
    # It holds no optimizer.
    assert latest_whole_checkpoint(str(tmp_path)) == str(new)
    last = tmp_path / 'last_checkpoint'
    last.write_text(str(old))
    assert latest_whole_checkpoint(str(tmp_path)) == str(old)
    # Of a folder that was moved.
    last.write_text('/elsewhere/epoch_1.pth')
    assert latest_whole_checkpoint(str(tmp_path)) == str(old)
    old.write_bytes(b'')
    assert latest_whole_checkpoint(str(tmp_path)) == str(new)
    # Of a copy: its own files, whatever else is there. The highest number,
    # whatever the clock said.
    other = tmp_path / 'other'
    other.mkdir()
    tenth = _save(other / 'epoch_10.pth')
    last.write_text(str(tenth))
    assert latest_whole_checkpoint(str(tmp_path)) == str(tenth)
    mine = _save(tmp_path / 'epoch_10.pth')
    assert latest_whole_checkpoint(str(tmp_path)) == str(mine)
    os.utime(mine, (0, 0))
    for text in (b'', b'\xff\xfe', b'\0'):
        last.write_bytes(text)
        assert latest_whole_checkpoint(str(tmp_path)) == str(mine)
    stopped = _save(tmp_path / 'interrupted.pth')
    assert latest_whole_checkpoint(str(tmp_path)) == str(stopped)
    last.write_text('s3://bucket/epoch_1.pth')
    assert latest_whole_checkpoint(str(tmp_path)) == 's3://bucket/epoch_1.pth'


def test_explain_unwritten(tmp_path):
    full = OSError(errno.ENOSPC, 'No space left on device')
    error = explain_unwritten(full, str(tmp_path / 'epoch_1.pth'))
    assert error.errno == errno.ENOSPC
    assert error.filename == str(tmp_path / 'epoch_1.pth')
    assert error.strerror.startswith(
        'epoch_1.pth could not be written: No space left on device (')
    assert error.strerror.endswith(
        f'MiB free). There is no earlier checkpoint in {tmp_path}.')
