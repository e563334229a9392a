"""Damaged files of a data set: the error, the log, JPEGs that are cut off."""
import contextlib
import json
import multiprocessing
import os
import os.path as osp

from PIL import Image
from torch.utils.data import get_worker_info


class DamagedDataError(RuntimeError):
    """Data that cannot be used, and without which the run cannot go on."""

    @property
    def reason(self) -> str:
        """The message without the traceback of a data loader's worker."""
        return str(self).rpartition(f'{type(self).__name__}: ')[2].strip()


def is_cut_off(path: str) -> bool:
    """Say whether a local file is a JPEG whose image is not complete.

    OpenCV before 4.12 fills the rest of such an image and says nothing. Nearly
    all whole files end with the image's end; the others are decoded again.
    """
    try:
        with open(path, 'rb') as file:
            if file.read(2) != b'\xff\xd8':
                return False
            file.seek(-2, os.SEEK_END)
            if file.read() == b'\xff\xd9':
                return False
    except OSError:
        return False
    with contextlib.suppress(Image.DecompressionBombError):  # Too large.
        try:
            with Image.open(path) as image:
                image.load()
        except OSError:
            return True
    return False


class DamageLog:
    """Record of the damaged files that the loading of a data set has met.

    The workers of a data loader write, the main process reads.

    Args:
        path (str): File to append to, a JSON object per line with ``file``
            and ``reason``. It comes with the first damaged file.
        num_workers (int): Number of the data loader's workers.
    """

    def __init__(self, path: str, num_workers: int) -> None:
        self.path = path
        # One place for each process, as adding is not atomic.
        self._counts = multiprocessing.RawArray('q', num_workers + 1)
        self._written: set[str] = set()
        self._offset = 0

    @property
    def skips(self) -> int:
        """Number of samples replaced by others, of all workers together."""
        return sum(self._counts)

    def note(self, file: str, reason: str) -> None:
        """Note that a file is damaged and another sample is drawn."""
        worker = get_worker_info()
        self._counts[0 if worker is None else worker.id + 1] += 1
        if file in self._written:
            return
        self._written.add(file)
        line = json.dumps(dict(file=file, reason=reason)) + '\n'
        # A full disk costs the name, not the count. In one piece, so that
        # lines of several workers do not mix.
        with contextlib.suppress(OSError), \
                open(self.path, 'ab', buffering=0) as stream:
            stream.write(line.encode())

    def read_new(self) -> dict[str, str]:
        """Read the files noted since the last call, with the reasons."""
        if not osp.exists(self.path):
            return {}
        with open(self.path, 'rb') as file:
            file.seek(self._offset)
            text = file.read()
        # A last line may be half written.
        text = text[:text.rfind(b'\n') + 1]
        self._offset += len(text)
        items = [json.loads(line) for line in text.splitlines()]
        new = {x['file']: x['reason'] for x in items}
        self._written.update(new)  # for workers that will be started later
        return new
