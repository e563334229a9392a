"""What a resumed run takes from its checkpoint, and what it makes up for."""
import warnings
from typing import Any, Iterator

from mmengine.dist import get_world_size
from mmengine.hooks import Hook, ParamSchedulerHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mmconvnextv2.engine.differences import of_configs, of_training
from mmconvnextv2.registry import HOOKS, register
from .safe_checkpoint_hook import EVALUATED

_MOST = 20  # lines
_LINES = dict(
    config='{}: {} of the config counts, not {} of the checkpoint',
    checkpoint='{0}: {2} of the checkpoint counts, not {1} of the config')


@register(HOOKS)
class ResumeHook(Hook):
    """Say what a resumed run takes from its checkpoint, or take the config's.

    MMEngine resumes with the checkpoint's schedules, learning rate and other
    settings of the optimizer, and with everything else of the config. Where
    the two differ, a line says which counts. An evaluation that was due when
    the run ended, but had not ended itself, comes first.

    Args:
        settings (str): Whose schedules and settings of the optimizer count:
            'checkpoint' (the default), or 'config', whose schedules then
            begin anew and are moved on to the iteration of the checkpoint.

    Raises:
        ValueError: If ``settings`` is neither.
        CheckpointError: If the checkpoint's schedules cannot be the config's.
    """

    # After the hooks that complete a checkpoint, or an evaluation.
    priority = 'LOWEST'

    def __init__(self, settings: str = 'checkpoint') -> None:
        if settings not in ('checkpoint', 'config'):
            raise ValueError("ResumeHook: settings must be 'checkpoint' or "
                             f"'config', got {settings!r}")
        self.settings = settings
        self._is_resumed = False

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note the number of processes, which no config has."""
        checkpoint['meta']['processes'] = get_world_size()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the settings; replace those that do not count."""
        if not runner._resume:
            return
        meta, lines = checkpoint['meta'], []
        info = checkpoint['message_hub'].get('runtime_info', {})
        self._is_resumed = True
        self._is_evaluated = info.get(EVALUATED) == meta['iter']
        self._is_within = 'batches_done' in info
        lines += [_LINES[self.settings].format(*found)
                  for found in of_training(runner, checkpoint, self.settings)]
        before, now = meta.get('processes'), get_world_size()
        changed = [('number of processes', now, before)] * (
            before not in (None, now))
        changed += of_configs(meta.get('cfg'), runner.cfg.pretty_text)
        lines += [_LINES['config'].format(*found) for found in changed]
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            length = len(runner.train_dataloader)
            lines += _count_anew(meta, info.get('batches_done'), length)
        if lines:
            more = f'\n  and {len(lines) - _MOST} more' * (len(lines) > _MOST)
            runner.logger.warning(
                'The config differs from the checkpoint that the run is '
                'resumed from:\n  ' + '\n  '.join(lines[:_MOST]) + more)

    def before_train(self, runner: Runner) -> None:
        """Move the schedules on; make up for an evaluation."""
        if not self._is_resumed:
            return
        if self.settings == 'config':
            _move_schedules(runner)
        loop = runner.train_loop
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        if not by_epoch and not isinstance(loop, IterBasedTrainLoop):
            return
        unit, done, length = ('epoch', loop.epoch, loop.max_epochs) \
            if by_epoch else ('iteration', loop.iter, loop.max_iters)
        loop._decide_current_val_interval()
        if (runner.val_loop is not None and not self._is_evaluated
                and not (by_epoch and self._is_within)
                and done >= max(1, loop.val_begin)
                and (done % loop.val_interval == 0 or done == length)):
            runner.logger.info(f'The evaluation after {unit} {done} is not in '
                               'the checkpoint: it comes first.')
            runner.val_loop.run()
        if done >= length:
            runner.logger.warning(
                f'Nothing is left to train: the checkpoint is of {unit} {done}'
                f' of {length}. For a longer run see "Extend a run" in '
                'docs/training.md.')
        self._is_resumed = False


def _count_anew(meta: dict, within: Any, length: int) -> Iterator[str]:
    """Count iterations in epochs of this length, as MMEngine's limits do."""
    done = within['done'] if within and within['of'] == length else 0
    counted = meta['epoch'] * length + done
    if meta['iter'] != counted:
        yield (f"an epoch has {length} iterations now: iteration "
               f"{meta['iter']} of the checkpoint is {counted}")
        meta['iter'] = counted


def _move_schedules(runner: Runner) -> None:
    """Step the schedules as often as the run has been trained."""
    loop, hook = runner.train_loop, ParamSchedulerHook()
    length = len(runner.train_dataloader) if isinstance(
        loop, EpochBasedTrainLoop) else 0
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # The optimizer makes no step.
        for done in range(1, loop.iter + 1):
            hook.after_train_iter(runner, done - 1)
            if length and done % length == 0:
                hook.after_train_epoch(runner)
    runner.logger.info(f"The config's schedules are at iteration {loop.iter}.")
