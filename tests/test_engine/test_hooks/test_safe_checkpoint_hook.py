"""Checkpoints when the process ends before any one of its file operations."""
import io
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mmconvnextv2.engine import SafeCheckpointHook
from mmconvnextv2.engine.hooks.safe_checkpoint_hook import EVALUATED

SCORES = [0.1, 0.3, 0.2, 0.4]


class Killed(BaseException):
    """Not an error that anything would handle."""


class Runner:
    """What the hook needs of a runner; writes a file in two halves."""

    max_epochs = len(SCORES)
    logger = logging.getLogger('stand-in')
    hook = optim_wrapper = None
    hooks = ()
    model = torch.nn.Linear(1, 1)

    def __init__(self, work_dir, tick=lambda: None):
        self.work_dir, self.tick = str(work_dir), tick
        last = work_dir / 'last_checkpoint'
        saved = dict(meta=dict(epoch=0), info={})
        self._resume, self._load_from = last.exists(), None
        if self._resume:
            name = os.path.basename(last.read_text())
            self._load_from = str(work_dir / name)
            saved = torch.load(self._load_from)
        self.epoch = self.iter = saved['meta']['epoch']
        info = saved['info']
        self.message_hub = SimpleNamespace(
            runtime_info=info, get_info=info.get,
            update_info=info.__setitem__)

    def save_checkpoint(self, out_dir, filename, *args, meta, by_epoch,
                        **kwargs):
        # Counts by itself, as a FlexibleRunner.
        meta.update(epoch=self.epoch + by_epoch)
        checkpoint = dict(meta=meta, info=self.message_hub.runtime_info)
        self.hook.before_save_checkpoint(self, checkpoint)
        content = io.BytesIO()
        torch.save(checkpoint, content)
        content = content.getvalue()
        self.tick()
        with open(os.path.join(out_dir, filename), 'wb') as file:
            file.write(content[:200])
            file.flush()
            self.tick()
            file.write(content[200:])

    def train(self, hook):
        self.hook = hook
        hook.before_train(self)
        if self.epoch and self.message_hub.get_info(EVALUATED) != self.iter:
            hook.after_val_epoch(self, dict(acc=SCORES[self.epoch - 1]))
        for epoch in range(self.epoch, self.max_epochs):
            self.iter = epoch + 1
            hook.after_train_epoch(self)
            self.epoch = epoch + 1
            hook.after_val_epoch(self, dict(acc=SCORES[epoch]))


def make_hook(keep=2, interval=1):
    return SafeCheckpointHook(
        interval=interval, max_keep_ckpts=keep, save_best='acc')


def run(monkeypatch, work_dir, kill_at, hook):
    """Train up to a file operation; returns how many there were."""
    count = 0

    def tick():
        nonlocal count
        # Who is dead does not clean up either.
        if count != kill_at:
            count += 1
        if count == kill_at:
            raise Killed

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
        with suppress(Killed):
            Runner(work_dir, tick).train(hook)
    return count


def check(work_dir):
    """All is whole; the last and the best that it names are there."""
    for path in work_dir.glob('*.pth'):
        saved = torch.load(path)
        # The best checkpoint's figure is that of its epoch, too.
        assert path.name == 'interrupted.pth' or path.stem.endswith(
            f"epoch_{saved['meta']['epoch']}")
    last = work_dir / 'last_checkpoint'
    # What is the best alone could not be resumed from.
    assert last.exists() or not [*work_dir.glob('best*.pth')]
    if last.exists():
        best = torch.load(last.read_text())['info'].get('best_ckpt')
        assert best is None or Path(best).exists()


def files(work_dir):
    return sorted(x.name for x in work_dir.iterdir())


@pytest.mark.parametrize('keep, interval, expected, least', [
    (1, 1, ['epoch_4.pth'], 50), (2, 1, ['epoch_3.pth', 'epoch_4.pth'], 50),
    (1, 2, ['epoch_4.pth'], 40), (1, 3, ['epoch_4.pth'], 40)])
def test_killed_before_any_file_operation(monkeypatch, tmp_path, keep,
                                          interval, expected, least):
    whole = tmp_path / 'whole'
    whole.mkdir()
    count = run(monkeypatch, whole, None, make_hook(keep, interval))
    assert files(whole) == [
        'best_acc_epoch_4.pth', *expected, 'last_checkpoint']
    assert count > least
    for kill_at in range(1, count + 1):
        work_dir = tmp_path / str(kill_at)
        work_dir.mkdir()
        assert run(monkeypatch, work_dir, kill_at,
                   make_hook(keep, interval)) == kill_at
        check(work_dir)
        run(monkeypatch, work_dir, None, make_hook(keep, interval))
        check(work_dir)
        # The files are those of a run without a kill.
        assert files(work_dir) == files(whole)


def test_a_copied_run_leaves_the_original_alone(tmp_path):
    original, copy = tmp_path / 'a', tmp_path / 'b'
    original.mkdir()
    runner = Runner(original)
    runner.max_epochs = 3
    runner.train(make_hook())
    before = files(original)
    assert before[0] == 'best_acc_epoch_2.pth'
    shutil.copytree(original, copy)
    Runner(copy).train(make_hook())
    assert files(original) == before
    assert files(copy) == [
        'best_acc_epoch_4.pth', 'epoch_3.pth', 'epoch_4.pth',
        'last_checkpoint']


@pytest.mark.parametrize('is_gone', [False, True])
def test_a_run_resumed_in_another_folder_has_its_best(tmp_path, caplog,
                                                      is_gone):
    caplog.set_level(logging.INFO)
    logging.disable(logging.NOTSET)
    original, other = tmp_path / 'a', tmp_path / 'b'
    original.mkdir(), other.mkdir()
    runner = Runner(original)
    runner.max_epochs = 2
    runner.train(make_hook())
    best = original / 'best_acc_epoch_2.pth'
    if is_gone:
        best.unlink()
    runner = Runner(original)
    runner.work_dir, runner.max_epochs = str(other), 3  # which is no better
    runner.train(make_hook())
    said = ('The best checkpoint so far, best_acc_epoch_2.pth, is gone: the '
            'next one that is evaluated counts as the best.') if is_gone else \
        f'{best}, the best so far, is copied.'
    assert said in caplog.messages
    assert files(other) == [f'best_acc_epoch_{3 if is_gone else 2}.pth',
                            'epoch_3.pth', 'last_checkpoint']


@pytest.mark.parametrize('best', [
    'photos', 'w/notes.txt', 'w', 'w/best_shots.txt', 'w/best_acc_0'])
def test_a_checkpoint_cannot_name_what_is_removed(tmp_path, best):
    for name in ('photos', 'w', 'epoch_x.pth', 'w/best_acc_0'):
        (tmp_path / name).mkdir()
    for name in ('notes.txt', 'best_shots.txt'):
        (tmp_path / 'w' / name).touch()
    runner = Runner(tmp_path / 'w')
    runner.message_hub.runtime_info.update(
        best_ckpt=str(tmp_path / best), best_score=0.,
        keep_ckpt_ids=['../photos', 'notes.txt', 0, True, -1, 10**5000])
    hook = SafeCheckpointHook(
        interval=1, max_keep_ckpts=1, save_best='acc', filename_tmpl='{}')
    runner.train(hook)
    assert files(tmp_path) == ['epoch_x.pth', 'photos', 'w']
    assert files(tmp_path / 'w') == [
        '4', 'best_acc_0', 'best_acc_4', 'best_shots.txt', 'last_checkpoint',
        'notes.txt']


def test_each_save_of_a_runner_is_whole_and_wrapped_once(tmp_path):
    runner = Runner(tmp_path)
    hook = runner.hook = make_hook()
    hook.before_train(runner)
    first = runner.save_checkpoint
    hook.before_train(runner)
    assert runner.save_checkpoint is first
    runner.save_checkpoint(
        str(tmp_path), 'mine.pth', meta=dict(epoch=1), by_epoch=False)
    assert files(tmp_path) == ['mine.pth']
    hook.discard('mine.pth')
    hook.discard('mine.pth')
    assert files(tmp_path) == []


def test_checkpoints_that_are_saved_without_training():
    checkpoint = dict(meta=dict(epoch=3))
    SafeCheckpointHook(interval=1).before_save_checkpoint(None, checkpoint)
    assert checkpoint == dict(meta=dict(epoch=3))
