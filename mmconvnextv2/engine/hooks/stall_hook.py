"""End a run in which nothing happens any more."""
import faulthandler
import multiprocessing
import os
import socket
import threading
from collections import Counter
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_dist_info
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmconvnextv2.engine.batches import draws_past
from mmconvnextv2.engine.peers import note_peers
from mmconvnextv2.files import latest_whole_checkpoint
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class StallHook(Hook):
    """Exit with code 1 when a batch or a step takes too long.

    A worker of a data loader that sleeps, storage that does not answer, or a
    process that others wait for would otherwise hold a machine for long. The
    process says where it stands, what its last checkpoint is and, as a
    traceback, in which line it waits. What comes between an epoch's last
    batch and the next epoch, such as computing figures, may take any time.

    Args:
        seconds (float): The longest time. Defaults to 600, after which NCCL
            gives up, too.

    Raises:
        ValueError: If ``seconds`` is not positive.
    """

    # After hooks that save, and before the loops wait for a batch.
    priority = 'LOWEST'

    def __init__(self, seconds: float = 600.) -> None:
        if seconds <= 0:
            raise ValueError('StallHook: seconds must be positive; to watch '
                             'nothing, default_hooks.stall=None; got '
                             f'{seconds}')
        self.seconds = seconds
        self._read: Counter = Counter()  # batches of each loop's pass
        self._note('')

    def before_run(self, runner: Runner) -> None:
        """Let the run be watched until its loop ends, however it ends."""
        note_peers()
        loop = next(x for x in (runner._train_loop, runner._val_loop,
                                runner._test_loop) if isinstance(x, BaseLoop))
        run = type(loop).run

        def watched_run() -> Any:
            ended = threading.Event()
            threading.Thread(target=self._watch, args=(runner, ended),
                             daemon=True).start()
            try:
                return run(loop)
            finally:
                ended.set()

        loop.run = watched_run

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._read[mode] = (
            runner.iter if mode == 'train' and draws_past(runner) else 0)
        self._wait_for_batch(runner, mode)

    def _before_iter(self, runner: Runner, batch_idx: int,
                     data_batch: Any = None, mode: str = 'train') -> None:
        self._read[mode] += 1
        self._note(f'has been running a {mode} step')

    def _after_iter(self, runner: Runner, batch_idx: int, *args: Any,
                    mode: str = 'train', **kwargs: Any) -> None:
        self._wait_for_batch(runner, mode)

    def _after_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._note('')
        if mode == 'val' and isinstance(runner._train_loop, BaseLoop):
            self._wait_for_batch(runner, 'train')

    def _wait_for_batch(self, runner: Runner, mode: str) -> None:
        loader, read = getattr(runner, f'{mode}_dataloader'), self._read[mode]
        doing = f'has been reading {mode}_dataloader'
        # Workers take turns, beginning with the first in each pass.
        if loader.num_workers and (read < len(loader) or isinstance(
                loader.sampler, InfiniteSampler)):
            doing += f', waiting for worker {read % loader.num_workers}'
        self._note('' if read == len(loader) else doing)

    def _note(self, doing: str) -> None:
        self._doing = [doing]  # another object each time

    def _watch(self, runner: Runner, ended: threading.Event) -> None:
        step, waited, before = min(self.seconds / 10, 5), 0., self._doing
        # Time in which the whole process is halted does not count.
        while not ended.wait(step):
            doing = self._doing
            waited = waited + step if doing is before else 0.
            before = doing
            if doing[0] and waited >= self.seconds:
                self._exit(runner, doing[0])

    def _exit(self, runner: Runner, doing: str) -> None:
        rank, number = get_dist_info()
        self._say(f'Stopped: process {rank} (of {number}, pid {os.getpid()} '
                  f'on {socket.gethostname()}) {doing} for '
                  f'{self.seconds:g} s, at iteration {runner.iter + 1}. For '
                  'more time: default_hooks.stall.seconds=N.')
        # Even if the file system does not answer.
        faulthandler.dump_traceback_later(10, exit=True)
        last = latest_whole_checkpoint(runner.work_dir)
        self._say(f'The last good checkpoint is {last}; --resume continues '
                  'there.' if last else 'There is no checkpoint yet.')
        faulthandler.dump_traceback()
        for process in multiprocessing.active_children():
            if process.daemon:
                process.kill()
        os._exit(1)

    def _say(self, text: str) -> None:
        os.write(2, f'\n{text}\n'.encode())  # A log may be what waits.
