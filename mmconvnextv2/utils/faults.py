"""What a user is told when a run breaks, in the place of a traceback."""
import contextlib
import errno
import os
import re
import tempfile
from typing import Iterator

from mmconvnextv2.engine.hooks import NonFiniteError
from .cli import CommandError
from .whole_files import latest_whole_checkpoint

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS,
                errno.EACCES, errno.EPERM, errno.EIO)
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
            died.
    """
    try:
        yield
    except NonFiniteError as error:
        raise TrainingError(f'{error} {_left(work_dir)}') from error
    except OSError as error:
        text = error.strerror or str(error)
        if 'could not be written' not in text:
            if error.errno not in _OF_THE_DISK:
                raise
            text = f'{error.filename or work_dir}: {text}. {_left(work_dir)}'
        raise TrainingError(text) from error
    except RuntimeError as error:
        if not re.search(r'DataLoader worker \(pid', str(error)):
            raise
        raise TrainingError(f'{error}. {_ADVICE_FOR_WORKERS} '
                              f'{_left(work_dir)}') from error


def _left(work_dir: str) -> str:
    last = latest_whole_checkpoint(work_dir)
    return (f'The last good checkpoint is {last}; --resume continues there.'
            if last else 'There is no checkpoint yet.')
