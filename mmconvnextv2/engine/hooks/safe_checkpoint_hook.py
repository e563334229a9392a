"""Checkpoints that are whole or not there, whatever ends the run."""
import os.path as osp
import re
import shutil
from collections import deque
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, List, Mapping, Optional, Set

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmconvnextv2 import files
from mmconvnextv2.engine.accumulation import (
    pending_gradients,
    restore_gradients,
)
from mmconvnextv2.registry import HOOKS, register
from .non_finite_hook import require_finite

# Of the last evaluation that has ended: its iteration.
EVALUATED = 'evaluated_at_iter'
_PENDING = 'pending_gradients'


@register(HOOKS)
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against a kill at any moment.

    A checkpoint is written as ``NAME.part``, flushed to the disk and then
    renamed; ``last_checkpoint`` likewise. Older checkpoints are removed when
    the new one is there, not before, so a full disk costs none either:
    ``max_keep_ckpts + 1`` need room for a moment. After an evaluation the
    checkpoint is written again, with its figures. It has the gradients of an
    update that is not complete. Weights that are not finite are not saved.

    Only files of the run's own folder that are named like its checkpoints are
    removed, whatever the one resumed from says. Other storage than local
    files is left to its backend. The arguments are those of
    ``CheckpointHook``.
    """

    _counts: dict = {}  # in what is being saved, if not the runner's
    _extra: dict = {}  # is saved too
    _pending: Optional[Mapping[str, Any]] = None  # to go on with
    last_counts: Optional[dict] = None  # of the last one to resume from
    _storage: Any = None

    def before_run(self, runner: Runner) -> None:
        """Choose what to resume from, as ``tools/train.py`` does."""
        if getattr(runner, '_resume', False) and runner._load_from is None:
            runner._load_from = files.latest_whole_checkpoint(runner.work_dir)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take gradients out of a checkpoint."""
        if runner._resume:
            self._pending = checkpoint.pop(_PENDING, None)

    def before_train(self, runner: Runner) -> None:
        """Go on with a run, and clean up after a kill."""
        kept = runner.message_hub.runtime_info.pop('keep_ckpt_ids', None)
        super().before_train(runner)
        self._storage = self.file_backend
        self._own_names(runner)
        self._find_last(runner)
        if self.max_keep_ckpts > 0 and isinstance(kept, list):
            most = max(runner.epoch, runner.iter)
            steps = sorted({x for x in kept
                            if type(x) is int and 0 <= x <= most})
            self.keep_ckpt_ids.extend(steps)
            runner.message_hub.update_info('keep_ckpt_ids', steps)
            for old in steps[:-self.max_keep_ckpts]:
                self.discard(self.filename_tmpl.format(old))
        if self._pending:
            names = restore_gradients(runner, self._pending)
            runner.logger.info(
                'Of the update that was not complete, the gradients of '
                f'{len(names)} parameters are back.')
        if not isinstance(self._storage, LocalBackend):
            return
        if is_main_process():
            for part in Path(self.out_dir).glob(f'*{files.PART}'):
                files.remove(str(part))
        if not isinstance(runner.save_checkpoint, partial):
            # Each caller's checkpoints are to be whole.
            runner.save_checkpoint = partial(
                _save_whole, runner, runner.save_checkpoint)

    def _find_last(self, runner: Runner) -> None:
        """Take what is resumed from for the last checkpoint, if it is one."""
        folder, name = osp.split(getattr(runner, '_load_from', None) or '')
        step = runner.epoch if self.by_epoch else runner.iter
        if (getattr(runner, '_resume', False)
                and osp.realpath(folder) == osp.realpath(self.out_dir) and
                name in (self.filename_tmpl.format(step), files.INTERRUPTED)):
            self.last_ckpt = self._storage.join_path(self.out_dir, name)
            self.last_counts = dict(epoch=runner.epoch, iter=runner.iter)

    def save(self, runner: Runner, filename: str, meta: dict) -> None:
        """Write a checkpoint to resume from, and note that it is the last.

        ``meta`` has the numbers of complete epochs, ``epoch``, and ``iter``.
        """
        self.last_ckpt = self._storage.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        # Saving adds to what it is given.
        counts = {name: meta[name] for name in ('epoch', 'iter')}
        self._counts = self.last_counts = counts
        pending = pending_gradients(runner)
        self._extra = {_PENDING: pending} if pending else {}
        runner.save_checkpoint(
            self.out_dir, filename, self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta=dict(counts),
            by_epoch=False, backend_args=self.backend_args, **self.args)
        self._counts, self._extra = {}, {}
        if is_main_process():
            files.write_text(
                osp.join(runner.work_dir, 'last_checkpoint'), self.last_ckpt)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Set the counts, which a FlexibleRunner takes from its own state."""
        checkpoint['meta'].update(self._counts)
        checkpoint.update(self._extra)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Save the best; write the last again, now that it is evaluated."""
        if self._storage is None:  # Nothing is trained.
            return
        now = dict(epoch=runner.epoch, iter=runner.iter)
        if self.save_best is not None and self.last_ckpt is None:
            # The best alone could not be resumed from.
            self.save(runner, files.INTERRUPTED, now)
        runner.message_hub.update_info(EVALUATED, runner.iter)
        is_last, self.last_counts = self.last_counts == now, None
        super().after_val_epoch(runner, metrics)
        if is_last and self.last_counts is None:
            self.save(runner, osp.basename(self.last_ckpt), now)

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
        self.discard(files.INTERRUPTED)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best; then remove the previous best by its name."""
        before = self._best(runner.message_hub.runtime_info)
        # MMEngine removes nothing where nothing exists.
        self.file_backend = SimpleNamespace(
            join_path=self._storage.join_path,
            isfile=lambda _: False, isdir=lambda _: False)
        self._counts = dict(epoch=runner.epoch, iter=runner.iter)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend, self._counts = self._storage, {}
        for name in before - self._best(runner.message_hub.runtime_info):
            self.discard(name)

    def _is_best(self, name: str) -> Optional[re.Match]:
        """Match best_METRIC_epoch_STEP.pth, in the groups 1 and 2."""
        numbered = re.sub(r'\\{.*?\\}', lambda _: r'(\d{1,18})',
                          re.escape(self.filename_tmpl))
        return re.fullmatch(f'best_(.+)_{numbered}', name)

    def _best(self, info: Mapping[str, Any]) -> Set[str]:
        names = (osp.basename(str(info[x])) for x in info if 'best_ckpt' in x)
        return {x for x in names if self._is_best(x)}

    def _own_names(self, runner: Runner) -> None:
        """Let the best be files of this folder; remove those they replace."""
        info = runner.message_hub.runtime_info
        for key in [x for x in info if x.startswith('best_ckpt')]:
            name = osp.basename(str(info.pop(key)))
            found = self._is_best(name)
            if not found or not self._bring(runner, name):
                runner.logger.warning(
                    f'The best checkpoint so far, {name}, is gone: the next '
                    'one that is evaluated counts as the best.')
                info.pop(key.replace('ckpt', 'score'), None)
                continue
            info[key] = self._storage.join_path(self.out_dir, name)
            for other in Path(self.out_dir).glob('best_*'):
                match = self._is_best(other.name)
                if match and match[1] == found[1] \
                        and int(match[2]) < int(found[2]):
                    self.discard(other.name)
        if hasattr(self, 'best_ckpt_path'):
            self.best_ckpt_path = info.get('best_ckpt')
        for key in getattr(self, 'best_ckpt_path_dict', ()):
            self.best_ckpt_path_dict[key] = info.get(f'best_ckpt_{key}')

    def _bring(self, runner: Runner, name: str) -> bool:
        """Tell if a file is there; copy it from where the run was before."""
        if not isinstance(self._storage, LocalBackend):
            return True
        path = osp.join(self.out_dir, name)
        before = osp.join(osp.dirname(runner._load_from or ''), name)
        if is_main_process() and not osp.isfile(path) \
                and osp.isfile(before):
            with files.written_whole(path) as part:
                shutil.copyfile(before, part)
            runner.logger.info(f'{before}, the best so far, is copied.')
        is_there = [osp.isfile(path)]
        broadcast_object_list(is_there)
        return is_there[0]


def _save_whole(runner: Runner, save: Callable[..., None], out_dir: str,
                filename: str, *args: Any, **kwargs: Any) -> None:
    path = osp.join(out_dir, filename)
    part = path + files.PART
    require_finite(runner, filename)
    if is_main_process():
        files.remove(part)  # A link would lead elsewhere.
    try:
        save(out_dir, osp.basename(part), *args, **kwargs)
        if is_main_process():
            files.publish(part, path)
    except OSError as error:
        files.remove(part)
        raise files.explain_unwritten(error, path) from error
