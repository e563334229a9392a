"""Explain the errors that end a run."""
import contextlib
import errno
import signal
import sys
from collections.abc import Iterator, Sequence

import torch
from mmengine.config import Config

from mmconvnextv2.datasets.damaged import DamagedDataError
from mmconvnextv2.engine.hooks import NonFiniteError
from mmconvnextv2.engine.peers import describe_ended
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import latest_whole_checkpoint
from .failing_part import Trail

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS,
                errno.EACCES, errno.EPERM, errno.EIO)


class RunError(CommandError):
    """A run that has broken; each process has its own reason."""

    exit_code = 1
    is_of_each_process = True


@contextlib.contextmanager
def explained_errors(cfg: Config, splits: Sequence[str]) -> Iterator[None]:
    """Explain the errors that end a run of some splits.

    A line above the traceback names the part of the config that was being
    built or run, and the last checkpoint.

    Raises:
        RunError: Instead of an error that needs no traceback: values that are
            not finite, damaged data, a disk that cannot be written.
    """
    trail = Trail(cfg, splits)
    try:
        with trail.followed():
            yield
    except CommandError:
        raise
    except Exception as error:
        # Else PyTorch raises again in here when another worker dies.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        left = _last_checkpoint(cfg.work_dir) if 'train' in splits else ''
        message = _message(error, cfg.work_dir)
        if message is None:
            short = ' Memory ran out: lower batch_size or num_workers.' \
                * isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
            print(f'Failed while {trail.action(error)}.{describe_ended()}'
                  f'{short}{left}',
                  file=sys.stderr, flush=True)
            raise
        raise RunError(message + left * ('could not be' not in message)
                       ) from error


def _message(error: Exception, work_dir: str) -> str | None:
    """Say in one line what ended a run; None if that takes a traceback."""
    if isinstance(error, DamagedDataError):
        return error.reason
    if isinstance(error, NonFiniteError):
        return str(error)
    if not isinstance(error, OSError):
        return None
    text = error.strerror or str(error)
    if 'could not be written' in text:  # by files.explain_unwritten
        return text
    return f'{error.filename or work_dir}: {text}.' \
        if error.errno in _OF_THE_DISK else None


def _last_checkpoint(work_dir: str) -> str:
    last = latest_whole_checkpoint(work_dir)
    return (f' The last good checkpoint is {last}; --resume continues there.'
            if last else ' There is no checkpoint yet.')
