"""Download weights: within a time limit, and whole or not at all."""
import hashlib
import math
import os
import os.path as osp
import re
import socket
import sys
from http.client import HTTPException, IncompleteRead
from typing import Iterator, Optional
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import torch
from mmengine.dist import barrier, get_rank
from mmengine.logging import print_log
from rich.console import Console
from rich.progress import Progress

from mmconvnextv2.files import written_whole
from .diagnosis import find_damage
from .errors import CheckpointError

# Variable for the time limit, in seconds.
TIME_LIMIT = 'MMCONVNEXTV2_DOWNLOAD_TIMEOUT'
_SECONDS = 30.
_CHUNK = 2**17
# The end of a name that tells the file's SHA-256, as OpenMMLab and torch name
# files. What reads as a date is none.
_HASH = re.compile(r'-(?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})\.\w+$')


def time_limit() -> float:
    """Seconds that a server may stay silent.

    The variable ``MMCONVNEXTV2_DOWNLOAD_TIMEOUT``, or 30.

    Raises:
        CheckpointError: If the variable is no positive number.
    """
    given = os.environ.get(TIME_LIMIT, str(_SECONDS))
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise CheckpointError(f'the variable {TIME_LIMIT} must be a number of '
                              f'seconds above 0, got {given!r}')
    return seconds


def download_once(url: str) -> str:
    """Download a file, unless it is where torch and MMEngine look for it.

    Args:
        url (str): Of http or https.

    Returns:
        str: The local file.

    Raises:
        URLError: If that fails; ``reason`` says why, ``filename`` is the URL.
        OSError: If the file cannot be written.
    """
    path = urlparse(url).path
    # A file of Hugging Face's hub has the same name in every repository.
    name = path.strip('/').replace(
        '/', '_') if '/resolve/' in path else osp.basename(path)
    folder = osp.join(torch.hub.get_dir(), 'checkpoints')
    target = osp.join(folder, name)
    try:
        if get_rank() == 0 and not osp.exists(target):
            download(url, target)
    finally:
        # Also where it failed: the others must not wait for this process.
        barrier()
    if not osp.exists(target):  # Another machine's disk.
        download(url, target)
    return target


def download(url: str, target: str) -> None:
    """Download a file whole.

    torch's own function has no time limit, keeps what a broken connection
    left, and keeps error pages.

    Args:
        url (str): Of http or https. If its name ends in ``-HASH.ext``, with 8
            or more digits of the SHA-256, these are compared.
        target (str): The file to write.

    Raises:
        URLError: If that fails; nothing is left of it.
        OSError: If the file cannot be written.
    """
    seconds = time_limit()
    print_log(f'Downloading {url} to {target}', 'current')
    os.makedirs(osp.dirname(target) or '.', exist_ok=True)
    digest = hashlib.sha256()
    with written_whole(target) as part:
        with open(part, 'wb') as file:
            for chunk in _chunks(url, seconds):
                file.write(chunk)
                digest.update(chunk)
        damage = find_damage(str(part))
        if damage:
            raise URLError(f'what came is no checkpoint: {damage}', url)
        _check_hash(url, digest.hexdigest())


def _check_hash(url: str, found: str) -> None:
    told = _HASH.search(urlparse(url).path)
    if told and not found.startswith(told[1]):
        raise URLError(
            f'its name tells SHA-256 {told[1]}..., what came has '
            f'{found[:len(told[1])]}...: it was changed or damaged on its '
            'way', url)


def _chunks(url: str, seconds: float) -> Iterator[bytes]:
    """What a server sends, with any of its failures as ``URLError``."""
    try:
        request = Request(url, headers={'User-Agent': 'mmconvnextv2'})
        with urlopen(request, timeout=seconds) as response, Progress(
                console=Console(stderr=True),
                disable=not sys.stderr.isatty()) as progress:
            expected: Optional[int] = response.length
            task = progress.add_task('download', total=expected)
            received = 0
            while True:
                chunk = response.read(_CHUNK)
                if not chunk:
                    break
                received += len(chunk)
                yield chunk
                progress.advance(task, len(chunk))
            if expected is not None and received < expected:
                # read() itself takes that for the end.
                raise IncompleteRead(b'', expected - received)
    except (OSError, HTTPException) as error:
        raise URLError(_reason(error, seconds), url) from error


def _reason(error: Exception, seconds: float) -> str:
    cause = getattr(error, 'reason', error)
    if isinstance(error, HTTPError):
        return f'the server answers {error.code} {error.reason}'
    if isinstance(cause, socket.timeout):
        return (f'the server was silent for {seconds:g} s; the variable '
                f'{TIME_LIMIT} sets another limit')
    if isinstance(error, IncompleteRead):
        rest = f', {error.expected} bytes before the end' \
            if error.expected else ''
        return f'the connection broke off{rest}'
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause) or type(cause).__name__
