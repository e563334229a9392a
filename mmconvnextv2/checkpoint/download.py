"""Download weights by torch.hub, within a time limit."""
import os
import os.path as osp
import re
import socket
import sys
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_rank
from mmengine.logging import print_log

from .errors import CheckpointError

# Variable for the time limit, in seconds.
TIME_LIMIT = 'MMCONVNEXTV2_DOWNLOAD_TIMEOUT'
# The end of a name that tells the file's SHA-256, as OpenMMLab and torch name
# files. torch.hub takes a date for one, or a single letter.
_HASH = re.compile(r'-(?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})\.\w+$')


def time_limit() -> float:
    """Get the seconds that a server may be silent: 30 unless a variable says.

    Raises:
        CheckpointError: If the variable is no positive number.
    """
    given = os.environ.get(TIME_LIMIT, '30')
    if not re.fullmatch(r'\d*\.?\d+', given) or not float(given):
        raise CheckpointError(f'the variable {TIME_LIMIT} must be a number of '
                              f'seconds above 0, got {given!r}')
    return float(given)


def download_once(url: str) -> str:
    """Download a file, unless it lies where torch and MMEngine look for it.

    Args:
        url (str): URL of http or https.

    Returns:
        str: Path of the local file.

    Raises:
        CheckpointError: If that fails; nothing is left of it.
    """
    path = urlparse(url).path
    # A file of Hugging Face's hub has the same name in every repository.
    name = path.strip('/').replace(
        '/', '_') if '/resolve/' in path else osp.basename(path)
    target = osp.join(torch.hub.get_dir(), 'checkpoints', name)
    try:
        if get_rank() == 0 and not osp.exists(target):
            _download(url, target)
    finally:
        barrier()  # After a failure as well: no process must wait for it.
    if not osp.exists(target):  # On another machine's disk.
        _download(url, target)
    return target


def _download(url: str, target: str) -> None:
    seconds, usual = time_limit(), socket.getdefaulttimeout()
    digits = _HASH.search(urlparse(url).path)
    print_log(f'Downloading {url} to {target}', 'current')
    socket.setdefaulttimeout(seconds)
    try:
        os.makedirs(osp.dirname(target), exist_ok=True)
        torch.hub.download_url_to_file(url, target, digits and digits[1],
                                       sys.stderr.isatty())
    except (OSError, HTTPException, RuntimeError) as error:
        is_answer = isinstance(error, HTTPError)
        reason = error if is_answer else getattr(error, 'reason', error)
        if isinstance(reason, TimeoutError):
            reason = (f'the server was silent for {seconds:g} s; the variable '
                      f'{TIME_LIMIT} sets another limit')
        raise CheckpointError(
            f'{url} could not be downloaded ({reason}). Get the file on '
            'another machine and name its path instead') from error
    finally:
        socket.setdefaulttimeout(usual)
