"""Checkpoints that are whole or not there, whatever ends the run."""
import os.path as osp
import shutil
from collections import deque
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, List

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmconvnextv2.files import (
    PART,
    explain_unwritten,
    publish,
    remove,
    write_text,
)
from mmconvnextv2.registry import HOOKS, register


def save_whole(save: Callable[..., None], out_dir: str, filename: str,
               *args: Any, **kwargs: Any) -> None:
    """Let ``save`` write under another name; rename what is complete.

    Args:
        save (Callable): ``save_checkpoint`` of a runner.
        out_dir (str): Folder of the checkpoint.
        filename (str): Its name.
        *args (Any): Passed on.
        **kwargs (Any): Passed on.

    Raises:
        OSError: If it cannot be written; says why and what is left.
    """
    part = osp.join(out_dir, filename + PART)
    try:
        save(out_dir, filename + PART, *args, **kwargs)
        if is_main_process():
            publish(part, osp.join(out_dir, filename))
    except OSError as error:
        remove(part)
        raise explain_unwritten(error, osp.join(out_dir, filename)) from error


class _KeepingBackend:
    """A file backend that puts removals off."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.removals: List[Callable[[], None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self.removals.append(partial(self._backend.remove, path))

    def rmtree(self, path: str) -> None:
        self.removals.append(partial(self._backend.rmtree, path))


@register(HOOKS)
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against a kill at any moment.

    A checkpoint is written as ``NAME.part``, flushed to the disk and then
    renamed; ``last_checkpoint`` likewise. Older checkpoints go when the new
    one is there, not before, so a full disk costs none either: for that
    moment ``max_keep_ckpts + 1`` need room. Other storage than local files is
    left to its backend. The arguments are those of ``CheckpointHook``.
    """

    def before_train(self, runner: Runner) -> None:
        """Clean up after a killed run."""
        super().before_train(runner)
        self._is_local = isinstance(self.file_backend, LocalBackend)
        if not self._is_local:
            return
        if is_main_process():
            for part in Path(self.out_dir).glob(f'*{PART}'):
                shutil.rmtree(part) if part.is_dir() else part.unlink()
        if not isinstance(runner.save_checkpoint, partial):
            # So that each caller's checkpoints are whole.
            runner.save_checkpoint = partial(save_whole,
                                             runner.save_checkpoint)

    def save_now(self, runner: Runner, filename: str, epoch: int,
                 iteration: int) -> None:
        """Write a checkpoint to resume from, outside of the usual rhythm.

        Args:
            runner (Runner): The runner.
            filename (str): Its name.
            epoch (int): Epochs that are complete.
            iteration (int): Iterations that are complete.
        """
        # A FlexibleRunner counts by itself, and an epoch as complete unless it
        # is told that epochs do not matter.
        self._save(
            runner, filename, dict(epoch=epoch, iter=iteration), False)

    def discard(self, filename: str) -> None:
        """Remove a checkpoint, if it exists and is not the last."""
        path = self.file_backend.join_path(self.out_dir, filename)
        if path == self.last_ckpt:
            return
        if self.file_backend.isdir(path):  # of DeepSpeed
            self.file_backend.rmtree(path)
        elif self.file_backend.isfile(path):
            self.file_backend.remove(path)

    def _save(self, runner: Runner, filename: str, meta: dict,
              by_epoch: bool) -> None:
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=by_epoch,
            backend_args=self.backend_args,
            **self.args)
        if is_main_process():
            path = osp.join(runner.work_dir, 'last_checkpoint')
            try:
                write_text(path, self.last_ckpt)
            except OSError as error:
                raise explain_unwritten(error, path) from error

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        """Save; then remove what is too old, where MMEngine does it before."""
        outdated: List[int] = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            steps = [*self.keep_ckpt_ids, step]
            outdated = steps[:-self.max_keep_ckpts]
            self.keep_ckpt_ids = deque(steps, self.max_keep_ckpts)
            # Of all, so that a run resumed from here removes them if this
            # one is killed before it does.
            runner.message_hub.update_info('keep_ckpt_ids', steps)
        self._save(runner, self.filename_tmpl.format(step), meta,
                   self.by_epoch)
        if not outdated:
            return
        runner.message_hub.update_info('keep_ckpt_ids',
                                       list(self.keep_ckpt_ids))
        if is_main_process():
            for old in outdated:
                self.discard(self.filename_tmpl.format(old))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best; the previous best goes last."""
        with self._removals_last():
            super()._save_best_checkpoint(runner, metrics)

    @contextmanager
    def _removals_last(self) -> Iterator[None]:
        backend = self.file_backend
        self.file_backend = _KeepingBackend(backend)
        try:
            yield
            removals = self.file_backend.removals
        finally:
            self.file_backend = backend
        for removal in removals:
            removal()
