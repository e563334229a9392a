"""Download weights to torch.hub's folder, within limits of time and size."""
import contextlib
import glob
import hashlib
import os
import os.path as osp
import re
import sys
import time
import uuid
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

import torch
from mmengine.dist import broadcast_object_list, get_rank
from mmengine.logging import print_log
from rich.progress import wrap_file

from mmconvnextv2.files import PART, publish, remove
from .errors import CheckpointError

_SILENCE = 30.  # seconds that a server may say nothing
_MOST = 16e9  # bytes
# The end of a name that tells the file's SHA-256, as OpenMMLab and torch name
# files. torch.hub takes a date for one, or a single letter.
_HASH = re.compile(r'-(?!(?:19|20)\d{6}\.)([0-9a-f]{8,64})\.\w+$')
_HOUR = 3600  # seconds


def local_name(url: str) -> str:
    """Choose the name of the local copy, another for each content.

    That is the name in the address if it ends in the file's hash; else a hash
    of the address is put before the suffix, for files of the same name.
    """
    name = osp.basename(urlparse(url).path)
    if _HASH.search(name):
        return name
    stem, suffix = osp.splitext(name)
    return f'{stem}.{hashlib.sha256(url.encode()).hexdigest()[:8]}{suffix}'


def download_once(url: str) -> str:
    """Download a file, unless it lies in torch.hub's folder.

    The first process does so; others follow only if they do not see its file.

    Args:
        url (str): URL of http or https.

    Returns:
        str: Path of the local file.

    Raises:
        CheckpointError: If that fails; nothing is left of it.
    """
    target = osp.join(torch.hub.get_dir(), 'checkpoints', local_name(url))
    failure = [None]
    if get_rank() == 0 and not osp.exists(target):
        try:
            _download(url, target)
        except CheckpointError as error:
            failure = [error]
    broadcast_object_list(failure)  # No process waits for one that failed.
    if failure[0]:
        raise failure[0]
    if not osp.exists(target):  # On another machine's disk.
        _download(url, target)
    return target


def _download(url: str, target: str) -> None:
    part = f'{target}.{uuid.uuid4().hex}{PART}'
    print_log(f'Downloading {url} to {target}', 'current')
    try:
        os.makedirs(osp.dirname(target), exist_ok=True)
        _remove_parts(target)
        _fetch(url, part)
        publish(part, target)
    except (OSError, HTTPException, ValueError) as error:
        is_answer = isinstance(error, HTTPError)
        reason = error if is_answer else getattr(error, 'reason', error)
        if isinstance(reason, TimeoutError):
            reason = f'the server was silent for {_SILENCE:g} s'
        raise CheckpointError(
            f'{url} could not be downloaded ({reason}). Get the file on '
            'another machine and name its path instead') from error
    finally:
        remove(part)


def _fetch(url: str, part: str) -> None:
    """Write what an address has to a file; ValueError if it is not right."""
    request = Request(url, headers={'User-Agent': 'mmconvnextv2'})
    digest, size = hashlib.sha256(), 0
    with urlopen(request, timeout=_SILENCE) as answer, \
            open(part, 'wb') as file:
        declared = int(answer.headers.get('Content-Length') or 0)
        _refuse_size(declared, f'{declared / 1e9:.4g}')
        with wrap_file(answer, declared or int(_MOST),
                       description='Downloading',
                       disable=not sys.stderr.isatty()) as content:
            while chunk := content.read(2**18):
                digest.update(chunk)
                size += file.write(chunk)
                _refuse_size(size, f'more than {_MOST / 1e9:g}')
    if size < declared:
        raise ValueError('the connection ended after '
                         f'{size:,} of {declared:,} bytes')
    wanted = _HASH.search(urlparse(url).path)
    if wanted and not digest.hexdigest().startswith(wanted[1]):
        raise ValueError(f'its SHA-256 is {digest.hexdigest()}, by its name '
                         f'it should begin with {wanted[1]}')


def _refuse_size(size: int, text: str) -> None:
    if size > _MOST:
        raise ValueError(f'it has {text} GB, at most {_MOST / 1e9:g} are '
                         'taken')


def _remove_parts(target: str) -> None:
    """Remove what killed processes have left: parts that no longer grow."""
    for part in glob.glob(f'{glob.escape(target)}.*{PART}'):
        with contextlib.suppress(OSError):  # Another process may remove it.
            if time.time() - osp.getmtime(part) > _HOUR:
                os.remove(part)
