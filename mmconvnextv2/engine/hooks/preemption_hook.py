"""Stop where a scheduler or the user asks for it, and lose nothing."""
import atexit
import contextlib
import copy
import multiprocessing
import os
import os.path as osp
import signal
import time
from functools import partial
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Callable, Dict, List, Optional, Sequence

import torch
from mmengine.dist import all_reduce, barrier, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from mmconvnextv2.engine.batches import count_batches, restart_iterator
from mmconvnextv2.files import INTERRUPTED
from mmconvnextv2.registry import HOOKS, register
from .safe_checkpoint_hook import SafeCheckpointHook

STOPPED = 75  # "Try again later" of sysexits.h.
_DONE = 'batches_done'
_SIGNALS = signal.SIGTERM, signal.SIGINT, signal.SIGUSR1


@register(HOOKS)
class PreemptionHook(Hook):
    """Save a checkpoint and exit with code 75 when a signal asks to stop.

    The iteration is finished first, and the parameters' update where
    gradients are accumulated. The checkpoint is ``interrupted.pth``; with
    ``--resume`` a run goes on with the next batch of the same epoch, from any
    checkpoint. An evaluation stops at once if there is a checkpoint of what it
    evaluates, else after its end; a test stops at once, and so does a run that
    has not begun. A second Ctrl-C stops in any case. Workers of all data
    loaders ignore the signals, which a scheduler may send to all processes.

    Args:
        signals (Sequence[str]): Names of the signals. Defaults to those of
            Slurm, torchrun and Ctrl-C, and SIGUSR1 for
            ``--signal=USR1@120``.
        interval (int): Iterations between two agreements of several
            processes to stop, which each cost a wait. Defaults to 10.

    Raises:
        ValueError: If a signal is unknown or ``interval`` is not positive.
    """

    # After the hooks that complete the iteration.
    priority = 'LOWEST'

    def __init__(self,
                 signals: Sequence[str] = tuple(x.name for x in _SIGNALS),
                 interval: int = 10) -> None:
        unknown = [x for x in signals if x not in signal.Signals.__members__]
        if unknown or interval < 1:
            raise ValueError('PreemptionHook: signals must be names such as '
                             'SIGTERM and interval positive, got '
                             f'{list(signals)} and {interval}')
        self.signals = tuple(signal.Signals[name] for name in signals)
        self.interval = interval
        self._asked: Optional[str] = None
        self._agreed = False
        self._savers: List[SafeCheckpointHook] = []
        self._former: Dict[int, Any] = {}

    def before_run(self, runner: Runner) -> None:
        """Let workers ignore the signals; stop at once until it begins."""
        self._former = handle(self.signals)
        for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
            if isinstance(loop, BaseLoop):  # else it is not to be run
                _shield_workers(loop.dataloader, self.signals)
        atexit.register(_kill_workers)

    def before_train(self, runner: Runner) -> None:
        """Go on within an epoch; watch the signals."""
        self._savers = [
            x for x in runner.hooks if isinstance(x, SafeCheckpointHook)]
        loader = runner.train_dataloader
        self._batches = count_batches(loader)
        past = runner.message_hub.pop_info(_DONE)
        if past and past['of'] == len(loader):
            self._batches.skip = past['done']
        elif past:
            runner.logger.warning(
                f"The run was stopped after {past['done']} of {past['of']} "
                f'batches of an epoch, which has {len(loader)} now: the epoch '
                'begins anew.')
        restart_iterator(runner)
        self.before_test(runner)

    def before_test(self, runner: Runner) -> None:
        """Watch the signals."""
        self._asked, self._pid = None, os.getpid()
        former = handle(self.signals, self._note)
        self._former = self._former or former
        # Processes that are forked from now on inherit _note, which ignores
        # SIGTERM: those of a metric's Pool would never end.
        BaseProcess.terminate = BaseProcess.kill
        if not former:
            runner.logger.warning('PreemptionHook does nothing: only the main '
                                  'thread of a program can watch signals.')

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        now = time.monotonic()
        if os.getpid() != self._pid:
            return
        if self._asked is None:
            self._asked, self._since = signal.Signals(number).name, now
            if is_main_process():  # Logging may be in the midst of a line.
                os.write(2, f'\n{self._asked}: stopping after this '
                         'iteration.\n'.encode())
        # torchrun passes on what the terminal sends anyway.
        elif number == signal.SIGINT and now > self._since + 1:
            raise KeyboardInterrupt

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          **kwargs: Any) -> None:
        """Note the place within the epoch."""
        self._place = runner.epoch, self._batches.skipped + batch_idx + 1

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note how much is done of an epoch that is not complete."""
        epoch, done = getattr(self, '_place', (None, 0))
        if checkpoint['meta']['epoch'] == epoch and not hasattr(
                runner.train_loop, 'dataloader_iterator'):
            checkpoint['message_hub']['runtime_info'][_DONE] = dict(
                done=done, of=len(runner.train_dataloader))

    def after_train_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Stop, if that was asked for."""
        if get_world_size() == 1 or self.every_n_train_iters(
                runner, self.interval):
            self._agree()
        wrapper = runner.optim_wrapper
        pending = getattr(wrapper, '_inner_count', 0) % getattr(
            wrapper, '_accumulative_counts', 1)
        if self._agreed and not pending:
            self._save_and_leave(
                runner, dict(epoch=runner.epoch, iter=runner.iter + 1))

    def _agree(self) -> None:
        """Let all processes know if one is asked to stop."""
        asked = torch.tensor(int(self._asked is not None or self._agreed))
        all_reduce(asked, 'max')
        self._agreed = bool(asked)

    def _save_and_leave(self, runner: Runner, counts: dict) -> None:
        for saver in self._savers:
            if saver.last_counts != counts:
                saver.save(runner, INTERRUPTED, counts)
            runner.logger.info(
                f'Stopped by {self._asked or "a signal"} after iteration '
                f"{counts['iter']}, saved as "
                f'{osp.basename(saver.last_ckpt)}: continue with --resume.')
        barrier()  # Some launchers kill all when one process ends.
        _leave(runner)

    def after_val_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Stop within an evaluation if what it evaluates is saved."""
        now = dict(epoch=runner.epoch, iter=runner.iter)
        if (self._asked or self._agreed) and all(
                x.last_counts == now for x in self._savers):
            runner.logger.info(f'Stopped by {self._asked or "a signal"} while '
                               'evaluating: continue with --resume.')
            _leave(runner)

    def after_val_epoch(self, runner: Runner, **kwargs: Any) -> None:
        """Stop after an evaluation, unless it is all that was left to do."""
        if self._savers and runner.iter < runner.max_iters:
            self._agree()
            if self._agreed:
                self._save_and_leave(
                    runner, dict(epoch=runner.epoch, iter=runner.iter))

    def after_test_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Stop within a test, which leaves nothing to continue."""
        if self._asked is not None:
            runner.logger.info(f'Stopped by {self._asked} while testing.')
            _leave(runner)

    def after_run(self, runner: Runner) -> None:
        """Leave the signals to others."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        self._former = {}

    def after_train(self, runner: Runner) -> None:
        """Remove what was saved on stopping; training is not lost now."""
        for saver in self._savers:
            if saver.last_ckpt:  # Unless it is all there is.
                saver.discard(INTERRUPTED)


def handle(signals: Sequence[int] = _SIGNALS,
           handler: Optional[Callable] = None) -> Dict[int, Any]:
    """Handle signals, by an exit with code 75; returns former handlers."""
    handler = handler or partial(_leave_at_once, os.getpid())
    with contextlib.suppress(ValueError):  # It is not the main thread.
        return {x: signal.signal(x, handler) for x in signals}
    return {}


def _leave_at_once(pid: int, number: int, frame: Optional[FrameType]) -> None:
    if os.getpid() != pid:  # Of another process that has inherited this.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    elif is_main_process():
        os.write(2, f'\nStopped by {signal.Signals(number).name} while '
                 'nothing was trained, so that nothing is lost: start again, '
                 'with --resume if there is a checkpoint.\n'.encode())
    raise SystemExit(STOPPED)


def _leave(runner: Runner) -> None:
    runner.visualizer.close()
    raise SystemExit(STOPPED)


def _shield_workers(loader: DataLoader, signals: Sequence[int]) -> None:
    loader.worker_init_fn = partial(
        _init_worker, loader.worker_init_fn, signals)
    if loader.num_workers:
        context = loader.multiprocessing_context
        context = copy.copy(context or multiprocessing.get_context())
        context.Process = partial(_make_process, context.Process, signals)
        loader.multiprocessing_context = context


def _make_process(make: Callable[..., multiprocessing.Process],
                  signals: Sequence[int], *args: Any,
                  **kwargs: Any) -> multiprocessing.Process:
    """Make a worker to which signals wait until it ignores them."""
    process = make(*args, **kwargs)

    def start() -> None:
        del process.start  # back to that of the class
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    process.start = start
    return process


def _init_worker(init: Optional[Callable[[int], None]],
                 signals: Sequence[int], worker: int) -> None:
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    if init is not None:
        init(worker)


def _kill_workers() -> None:
    """End the workers, which ignore the SIGTERM of multiprocessing."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # PyTorch would raise.
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()
