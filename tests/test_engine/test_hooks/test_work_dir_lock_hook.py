"""One run at a time in a folder, on one machine and on several."""
import errno
import logging
import os
import signal
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from forked import Forked
from mmengine.runner import BaseLoop

from mmconvnextv2.engine import WorkDirLockHook
from mmconvnextv2.engine.hooks import work_dir_lock_hook
from mmconvnextv2.errors import CommandError


class Loop(BaseLoop):

    def run(self):
        pass


@pytest.fixture
def runner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'w').mkdir()
    logging.disable(logging.NOTSET)
    return SimpleNamespace(
        work_dir='w', _train_loop=Loop(None, []),
        logger=logging.getLogger('stand-in'))


@pytest.fixture
def hook(runner):
    hook = WorkDirLockHook(interval=0.1)
    yield hook
    hook.after_run(runner)


def hold(runner, seconds):
    """Lock in a process that also leaves a worker behind."""

    def main(arguments):
        WorkDirLockHook(interval=0.1).before_run(runner)
        if os.fork():
            print('locked', flush=True)
        time.sleep(seconds)
        return 0

    process = Forked(main, [])
    process.wait_for('locked')
    return process


def test_one_at_a_time_and_free_after_a_kill(hook, runner, caplog):
    other = hold(runner, 20)
    with pytest.raises(CommandError) as refused:
        hook.before_run(runner)
    note = Path('w/.lock').read_text()
    assert note.startswith(
        f'process {other.pid} on {socket.gethostname()} since ')
    assert str(refused.value) == (
        f'w is in use by another run, {note}. Wait until it ends, or choose '
        'another --work-dir. If there is no such process any more, remove '
        'w/.lock')
    os.kill(other.pid, signal.SIGKILL)  # The worker lives on.
    assert other.wait().code == -signal.SIGKILL
    caplog.set_level(logging.INFO)
    hook.before_run(runner)
    os.killpg(other.pid, signal.SIGKILL)
    assert caplog.messages == [f'{note} has ended unfinished.']
    hook.after_run(runner)
    assert Path('w/.lock').read_text() == ''


@pytest.mark.parametrize('lock_error', [None, errno.ENOLCK])
@pytest.mark.parametrize('lives', [True, False])
def test_run_of_another_machine(hook, runner, monkeypatch, lock_error, lives):
    # Its file system has no locks, or they are each machine's own.
    def lockf(*args):
        if lock_error:
            raise OSError(lock_error, 'no locks')

    monkeypatch.setattr(work_dir_lock_hook.fcntl, 'lockf', lockf)
    other = hold(runner, 20 if lives else 0)
    if not lives:
        other.wait()
        assert Path('w/.lock').read_text()  # It has ended without a word.
    monkeypatch.setattr(socket, 'gethostname', lambda: 'another')
    if lives:
        with pytest.raises(CommandError, match='w is in use by another run, '
                           f'process {other.pid} on '):
            hook.before_run(runner)
        os.killpg(other.pid, signal.SIGKILL)
        other.wait()
    else:
        hook.before_run(runner)
        assert Path('w/.lock').read_text().startswith(
            f'process {os.getpid()} on another since ')


def test_a_test_does_not_lock(hook, runner):
    runner._train_loop = {}
    hook.before_run(runner)
    assert not Path('w/.lock').exists()
