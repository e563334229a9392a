"""What a user is told when a run breaks, in the place of a traceback."""
import contextlib
import errno
import os
import re
import signal
import tempfile
import time
import traceback
from pathlib import Path
from typing import Iterator

from mmconvnextv2.datasets.damaged import DamagedDataError
from mmconvnextv2.engine.hooks import NonFiniteError
from .errors import CommandError
from .files import latest_whole_checkpoint

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS,
                errno.EACCES, errno.EPERM, errno.EIO)
# A worker's connections break off before PyTorch hears that it is dead, by
# this many seconds at most.
_BROKEN_OFF = (ConnectionError, EOFError, FileNotFoundError)
_NEWS_OF_DEATH = 2.
_ADVICE_FOR_WORKERS = (
    'Its own message, if it left one, is above. Killed without any, it mostly '
    'ran out of memory: look at the kernel log (dmesg), lower '
    'train_dataloader.num_workers or batch_size, and give a container more '
    'shared memory (docker run --shm-size). With train_dataloader.num_workers'
    '=0 persistent_workers=False the main process loads the data, and an '
    'error shows where it happens.')


class TrainingError(CommandError):
    """A run that has broken; each process tells its own reason."""

    exit_code = 1
    is_of_each_process = True


def require_writable(folder: str) -> None:
    """Check that files can be written to a folder, which is made if need be.

    Raises:
        CommandError: If not; says why.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix='.writable') as x:
            x.write(bytes(2**12))
            x.flush()
    except OSError as error:
        raise CommandError(
            f'the work dir {folder} cannot be written to: '
            f'{error.strerror or error} ({error.filename}). Choose another '
            '--work-dir, or change what is in the way.') from error


@contextlib.contextmanager
def explained_faults(work_dir: str) -> Iterator[None]:
    """Turn the faults that end a run into a message.

    Args:
        work_dir (str): Folder of the run.

    Raises:
        TrainingError: In their place: values that are not finite, a disk
            that is full or may not be written, a data loader's worker that
            died, data without which it cannot go on.
    """
    try:
        # Twice, for a worker that dies while another's death is explained.
        with _explained_deaths(work_dir), _explained_deaths(work_dir):
            yield
    except NonFiniteError as error:
        raise TrainingError(f'{error} {_left(work_dir)}') from error
    except DamagedDataError as error:
        raise TrainingError(f'{error.reason} {_left(work_dir)}') from error
    except OSError as error:
        text = error.strerror or str(error)
        if 'could not be written' not in text:
            if error.errno not in _OF_THE_DISK:
                raise
            text = f'{error.filename or work_dir}: {text}. {_left(work_dir)}'
        raise TrainingError(text) from error


@contextlib.contextmanager
def _explained_deaths(work_dir: str) -> Iterator[None]:
    try:
        with _deaths_before_their_effects():
            yield
    except RuntimeError as error:
        if not re.search(r'DataLoader worker \(pid', str(error)):
            raise
        # PyTorch raises in the midst of whatever runs when a worker dies.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        raise TrainingError(f'{error}. {_ADVICE_FOR_WORKERS} '
                            f'{_left(work_dir)}') from error


@contextlib.contextmanager
def _deaths_before_their_effects() -> Iterator[None]:
    """Let PyTorch's error of a dead worker replace those of its connections.

    Else it would be raised some moments later, in the midst of whatever is
    done about them.
    """
    try:
        yield
    except _BROKEN_OFF as error:
        frames = traceback.extract_tb(error.__traceback__)
        if any('multiprocessing' in Path(x.filename).parts for x in frames):
            time.sleep(_NEWS_OF_DEATH)  # The handler of SIGCHLD raises here.
        raise


@contextlib.contextmanager
def explained_damage() -> Iterator[None]:
    """Turn damaged data into a message, where there is nothing to continue.

    Raises:
        TrainingError: In the place of a ``DamagedDataError``.
    """
    try:
        yield
    except DamagedDataError as error:
        raise TrainingError(error.reason) from error


def _left(work_dir: str) -> str:
    last = latest_whole_checkpoint(work_dir)
    return (f'The last good checkpoint is {last}; --resume continues there.'
            if last else 'There is no checkpoint yet.')
