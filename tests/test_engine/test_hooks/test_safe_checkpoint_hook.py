"""Checkpoints when the process ends before any one of its file operations."""
import io
import logging
import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from mmengine.hooks import CheckpointHook

from mmconvnextv2.engine import SafeCheckpointHook

_SCORES = [0.1, 0.3, 0.2, 0.4]


class _Killed(BaseException):
    """Not an error that anything would handle."""


class _MessageHub:

    def __init__(self, info):
        self.runtime_info = dict(info)

    def get_info(self, key):
        return self.runtime_info[key]

    def update_info(self, key, value):
        self.runtime_info[key] = value


class _Runner:
    """What the hook needs of a runner; writes a file in two halves."""

    max_epochs = len(_SCORES)
    logger = logging.getLogger('stand-in')

    def __init__(self, work_dir, tick):
        self.work_dir, self.tick = str(work_dir), tick
        last = work_dir / 'last_checkpoint'
        saved = dict(epoch=0, info={})
        if last.exists():
            saved = torch.load(last.read_text())
        self.epoch = self.iter = saved['epoch']
        self.message_hub = _MessageHub(saved['info'])

    def save_checkpoint(self, out_dir, filename, *args, meta, **kwargs):
        content = io.BytesIO()
        torch.save(
            dict(epoch=meta['epoch'], info=self.message_hub.runtime_info),
            content)
        content = content.getvalue()
        self.tick()
        with open(os.path.join(out_dir, filename), 'wb') as file:
            file.write(content[:200])
            file.flush()
            self.tick()
            file.write(content[200:])

    def train(self, hook):
        hook.before_train(self)
        for epoch in range(self.epoch, self.max_epochs):
            self.iter = epoch + 1
            hook.after_train_epoch(self)
            self.epoch = epoch + 1
            hook.after_val_epoch(self, dict(acc=_SCORES[epoch]))


def _run(monkeypatch, work_dir, kill_at, keep=2, cls=SafeCheckpointHook):
    """Train up to a file operation; returns how many there were."""
    count = 0

    def tick():
        nonlocal count
        # Who is dead does not clean up either.
        if count != kill_at:
            count += 1
        if count == kill_at:
            raise _Killed

    def counted(function):

        def call(*args, **kwargs):
            tick()
            return function(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ('replace', 'remove', 'unlink'):
            patch.setattr(os, name, counted(getattr(os, name)))
        # Counted, not done: a kill, unlike a power failure, needs none.
        patch.setattr(os, 'fsync', counted(lambda descriptor: None))
        with suppress(_Killed):
            _Runner(work_dir, tick).train(
                cls(interval=1, max_keep_ckpts=keep, save_best='acc'))
    return count


def _check(work_dir):
    """All is whole; the last and the best that it names are there."""
    for path in work_dir.glob('*.pth'):
        torch.load(path)
    last = work_dir / 'last_checkpoint'
    if last.exists():
        best = torch.load(last.read_text())['info'].get('best_ckpt')
        assert best is None or Path(best).exists()


def _files(work_dir):
    return sorted(x.name for x in work_dir.iterdir())


@pytest.mark.parametrize('keep', [1, 2])
def test_killed_before_any_file_operation(monkeypatch, tmp_path, keep):
    whole = tmp_path / 'whole'
    whole.mkdir()
    count = _run(monkeypatch, whole, None, keep)
    expected = ['epoch_3.pth', 'epoch_4.pth'][-keep:]
    assert _files(whole) == [
        'best_acc_epoch_4.pth', *expected, 'last_checkpoint'
    ]
    assert count > 50
    for kill_at in range(1, count + 1):
        work_dir = tmp_path / str(kill_at)
        work_dir.mkdir()
        assert _run(monkeypatch, work_dir, kill_at, keep) == kill_at
        _check(work_dir)
        _run(monkeypatch, work_dir, None, keep)
        _check(work_dir)
        # The files are those of a run without a kill, but for a best one that
        # no checkpoint had noted yet.
        assert [x for x in _files(work_dir)
                if not x.startswith('best')] == [*expected, 'last_checkpoint']


def test_the_check_fails_for_the_hook_of_mmengine(monkeypatch, tmp_path):
    failures = 0
    for kill_at in range(1, 20):
        work_dir = tmp_path / str(kill_at)
        work_dir.mkdir()
        _run(monkeypatch, work_dir, kill_at, cls=CheckpointHook)
        try:
            _check(work_dir)
        except (OSError, RuntimeError, EOFError, AssertionError):
            failures += 1
    assert failures > 3


def test_each_save_of_a_runner_is_whole_and_wrapped_once(tmp_path):
    runner = _Runner(tmp_path, lambda: None)
    hook = SafeCheckpointHook(interval=1)
    hook.before_train(runner)
    first = runner.save_checkpoint
    hook.before_train(runner)
    assert runner.save_checkpoint is first
    runner.save_checkpoint(str(tmp_path), 'mine.pth', meta=dict(epoch=1))
    assert _files(tmp_path) == ['mine.pth']
    hook.discard('mine.pth')
    hook.discard('mine.pth')
    assert _files(tmp_path) == []


def test_folders_as_deepspeed_writes_them(tmp_path):

    def save(out_dir, filename, **kwargs):
        Path(out_dir, filename).mkdir()
        Path(out_dir, filename, 'shard').write_text(str(kwargs['meta']))

    runner = _Runner(tmp_path, lambda: None)
    runner.save_checkpoint = save
    hook = SafeCheckpointHook(interval=1)
    hook.before_train(runner)
    for meta in (1, 2):
        runner.save_checkpoint(str(tmp_path), 'epoch_1.pth', meta=meta)
    assert _files(tmp_path) == ['epoch_1.pth']
    assert (tmp_path / 'epoch_1.pth' / 'shard').read_text() == '2'
    hook.discard('epoch_1.pth')
    assert _files(tmp_path) == []


def test_what_a_killed_run_began_goes(tmp_path):
    (tmp_path / 'epoch_1.pth.part').write_text('half')
    (tmp_path / 'epoch_2.pth.part').mkdir()
    SafeCheckpointHook(interval=1).before_train(
        _Runner(tmp_path, lambda: None))
    assert _files(tmp_path) == []
