"""One run at a time in a work dir."""
import atexit
import contextlib
import errno
import fcntl
import os
import os.path as osp
import socket
import threading
import time
from typing import Optional

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmconvnextv2.errors import CommandError
from mmconvnextv2.registry import HOOKS, register

FILE = '.lock'


@register(HOOKS)
class WorkDirLockHook(Hook):
    """Refuse to train in a folder where another run trains.

    The main process locks ``.lock`` in the work dir and notes there who it
    is. The system frees the lock when the process ends, however it ends. Some
    network file systems do not share locks among machines, so a run touches
    the file as long as it lives: one on another machine has ended if the file
    stays untouched.

    Args:
        interval (float): Seconds from touch to touch. Four times as long is
            waited for another machine's. Defaults to 15.
    """

    priority = 'VERY_HIGH'

    def __init__(self, interval: float = 15.) -> None:
        self.interval = interval
        self._file: Optional[int] = None

    def before_run(self, runner: Runner) -> None:
        """Lock the folder before a checkpoint is read from it.

        Raises:
            CommandError: If another run has it.
        """
        if not isinstance(runner._train_loop, BaseLoop):
            return  # A test writes to a folder that is new.
        refusal = [self._lock(runner) if is_main_process() else '']
        broadcast_object_list(refusal)
        if refusal[0]:
            raise CommandError(refusal[0])

    def _lock(self, runner: Runner) -> str:
        """Lock the folder, or say why that cannot be."""
        path = osp.join(runner.work_dir, FILE)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        former = os.pread(file, 2**12, 0).decode(errors='replace')
        host, is_free = socket.gethostname(), _try_lock(file)
        if former and (is_free is None or is_free and host not in former):
            runner.logger.info(f'Waiting {4 * self.interval:g} s for a sign '
                               f'of life from {former}.')
            before = _touched(path)
            time.sleep(4 * self.interval)
            is_free = _touched(path) == before and _try_lock(file) is not False
        if is_free is False:
            os.close(file)
            return (f'{runner.work_dir} is in use by another run, {former}. '
                    'Wait until it ends, or choose another --work-dir. If '
                    f'there is no such process any more, remove {path}')
        if former:
            runner.logger.info(f'{former} has ended unfinished.')
        os.ftruncate(file, 0)
        os.pwrite(file, f'process {os.getpid()} on {host} since '
                  f'{time.ctime()}'.encode(), 0)
        self._file, self._ended = file, threading.Event()
        threading.Thread(target=self._touch, daemon=True).start()
        atexit.register(self.after_run, runner)
        return ''

    def _touch(self) -> None:
        while not self._ended.wait(self.interval):
            with contextlib.suppress(OSError):  # Storage may come back.
                os.utime(self._file)

    def after_run(self, runner: Runner) -> None:
        """Free the folder."""
        if self._file is not None:
            self._ended.set()
            os.ftruncate(self._file, 0)
            os.close(self._file)  # The lock ends, too.
            self._file = None


def _try_lock(file: int) -> Optional[bool]:
    """Lock a file; None if its file system has no locks."""
    try:
        # Not flock, whose locks go to workers, which may outlive a kill.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        is_held = error.errno in (errno.EACCES, errno.EAGAIN)
        return False if is_held else None
    return True


def _touched(path: str) -> int:
    with open(path) as file:  # NFS asks its server when a file is opened.
        return os.fstat(file.fileno()).st_mtime_ns
