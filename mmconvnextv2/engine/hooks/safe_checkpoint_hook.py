"""Checkpoints that are whole or not there, whatever ends the run."""
import os.path as osp
from collections import deque
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, List, Set

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmconvnextv2 import files
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against a kill at any moment.

    A checkpoint is written as ``NAME.part``, flushed to the disk and then
    renamed; ``last_checkpoint`` likewise. Older checkpoints are removed when
    the new one is there, not before, so a full disk costs none either:
    ``max_keep_ckpts + 1`` need room for a moment. Only checkpoints in the
    run's own folder are removed, whatever the one resumed from says. Other
    storage than local files is left to its backend. The arguments are those
    of ``CheckpointHook``.
    """

    _counts: dict = {}  # in what is being saved, if not the runner's

    def before_train(self, runner: Runner) -> None:
        """Clean up after a killed run."""
        info = runner.message_hub.runtime_info
        if 'keep_ckpt_ids' in info:
            kept = info['keep_ckpt_ids']
            info['keep_ckpt_ids'] = [x for x in kept if isinstance(x, int)]
        super().before_train(runner)
        self._storage = self.file_backend
        if not isinstance(self._storage, LocalBackend):
            return
        if is_main_process():
            for part in Path(self.out_dir).glob(f'*{files.PART}'):
                files.remove(str(part))
        if not isinstance(runner.save_checkpoint, partial):
            # Each caller's checkpoints are to be whole.
            runner.save_checkpoint = partial(_save_whole,
                                             runner.save_checkpoint)

    def save(self, runner: Runner, filename: str, meta: dict) -> None:
        """Write a checkpoint to resume from, and note that it is the last.

        Args:
            runner (Runner): Runner of the training.
            filename (str): Name of the file in the run's folder.
            meta (dict): Numbers of complete epochs, ``epoch``, and
                iterations, ``iter``.
        """
        self.last_ckpt = self._storage.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self._counts = dict(meta)
        runner.save_checkpoint(
            self.out_dir, filename, self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=meta,
            by_epoch=False, backend_args=self.backend_args, **self.args)
        self._counts = {}
        if is_main_process():
            files.write_text(
                osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Set the counts, which a FlexibleRunner takes from its own state."""
        checkpoint['meta'].update(self._counts)

    def discard(self, filename: str) -> None:
        """Remove a checkpoint of the run's folder, unless it is the last."""
        path = self._storage.join_path(self.out_dir, filename)
        if (is_main_process() and path != self.last_ckpt
                and self._storage.isfile(path)):
            self._storage.remove(path)

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        """Save; then remove what is too old, which MMEngine does before."""
        steps: List[int] = []
        if self.max_keep_ckpts > 0:
            steps = [*dict.fromkeys([*self.keep_ckpt_ids, step])]
            self.keep_ckpt_ids = deque(steps, self.max_keep_ckpts)
            # All of them: a resumed run removes what a kill leaves.
            runner.message_hub.update_info('keep_ckpt_ids', steps)
        self.save(runner, self.filename_tmpl.format(step), meta)
        for old in steps[:-self.max_keep_ckpts]:
            self.discard(self.filename_tmpl.format(old))

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best; then remove the previous best by its name."""
        before = _best(runner)
        # MMEngine removes nothing where nothing exists.
        self.file_backend = SimpleNamespace(
            join_path=self._storage.join_path,
            isfile=lambda _: False, isdir=lambda _: False)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = self._storage
        for name in before - _best(runner):
            self.discard(name)


def _save_whole(save: Callable[..., None], out_dir: str, filename: str,
                *args: Any, **kwargs: Any) -> None:
    path = osp.join(out_dir, filename)
    part = path + files.PART
    if is_main_process():
        files.remove(part)  # A link would lead elsewhere.
    try:
        save(out_dir, osp.basename(part), *args, **kwargs)
        if is_main_process():
            files.publish(part, path)
    except OSError as error:
        files.remove(part)
        raise files.explain_unwritten(error, path) from error


def _best(runner: Runner) -> Set[str]:
    info = runner.message_hub.runtime_info
    names = (osp.basename(str(info[x])) for x in info if 'best_ckpt' in x)
    return {x for x in names if x.startswith('best_')}
