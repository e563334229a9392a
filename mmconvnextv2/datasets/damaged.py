"""Files of a data set that cannot be read: told, noted and counted."""
import json
import logging
import multiprocessing
import os
import os.path as osp
from typing import Dict, Set

from mmengine.logging import print_log
from torch.utils.data import get_worker_info

_START, _SCAN, _END = b'\xff\xd8', 0xda, b'\xff\xd9'


class DamagedDataError(RuntimeError):
    """Data that cannot be used, and without which the run cannot go on."""

    @property
    def reason(self) -> str:
        """The message without the traceback of a data loader's worker."""
        return str(self).rpartition(f'{type(self).__name__}: ')[2].strip()


def lacks_end(content: bytes) -> bool:
    """Whether a JPEG is cut off within the image.

    OpenCV before 4.12 fills the rest of such an image and says nothing.

    Args:
        content (bytes): A file of any kind.

    Returns:
        bool: True only for a JPEG whose image begins and does not end. What
        follows the end is of no interest.
    """
    if content[:2] != _START:
        return False
    at = 2
    # Segments, with their lengths: a thumbnail in one has an end of its own.
    while content[at:at + 1] == b'\xff' and at + 3 < len(content):
        if content[at + 1] == _SCAN:
            return content.find(_END, at) < 0
        if content[at + 1] == 0xff:  # padding
            at += 1
        else:
            at += 2 + int.from_bytes(content[at + 2:at + 4], 'big')
    return False


def is_cut_off(path: str) -> bool:
    """Whether a local file is a JPEG that is cut off within the image.

    Nearly all end with the end of the image, so two bytes are read of them.

    Args:
        path (str): The file. Those of other storage pass for whole.
    """
    try:
        with open(path, 'rb') as file:
            file.seek(-len(_END), os.SEEK_END)
            if file.read() == _END:
                return False
            file.seek(0)
            return file.read(2) == _START and lacks_end(
                _START + file.read())
    except OSError:
        return False


class DamageLog:
    """What damaged files the processes that load a data set have met.

    The workers of a data loader write, the main process reads.

    Args:
        path (str): File to append to, a JSON object per line with ``file``
            and ``reason``. It comes with the first damaged file.
        num_workers (int): Workers of the data loader.
    """

    def __init__(self, path: str, num_workers: int) -> None:
        self.path = path
        # One place for each process, as adding is not atomic.
        self._counts = multiprocessing.RawArray('q', num_workers + 1)
        self._written: Set[str] = set()
        self._known: Dict[str, str] = {}
        self._offset = 0

    @property
    def skips(self) -> int:
        """How often a sample was replaced, by all workers together."""
        return sum(self._counts)

    def note(self, file: str, reason: str) -> None:
        """Note that a file is damaged and another sample is taken instead."""
        if file not in self._written:
            self._written.add(file)
            self._write(dict(file=file, reason=reason))
        worker = get_worker_info()
        self._counts[0 if worker is None else worker.id + 1] += 1

    def _write(self, item: Dict[str, str]) -> None:
        line = json.dumps(item) + '\n'
        try:
            # In one piece, so that lines of several workers do not mix.
            with open(self.path, 'ab', buffering=0) as file:
                file.write(line.encode())
        except OSError as error:
            print_log(
                f'{item["file"]} is left out: {item["reason"]} ({self.path} '
                f'could not be written: {error.strerror})',
                'current',
                level=logging.WARNING)

    def read_new(self) -> Dict[str, str]:
        """Damaged files noted since the last call, and what is the matter.

        Each is given once, though several processes may note it.
        """
        if not osp.exists(self.path):
            return {}
        with open(self.path, 'rb') as file:
            file.seek(self._offset)
            text = file.read()
        # A last line may be in the midst of being written.
        text = text[:text.rfind(b'\n') + 1]
        self._offset += len(text)
        items = [json.loads(line) for line in text.splitlines()]
        new = {
            x['file']: x['reason']
            for x in items if x['file'] not in self._known
        }
        self._known.update(new)
        # Of workers that will be started later.
        self._written.update(new)
        return new
