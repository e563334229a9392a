"""Files that are complete under their name, or not there at all."""
import contextlib
import errno
import os
import os.path as osp
import re
import shutil
import zipfile
from pathlib import Path
from typing import Iterator, Optional, Union

# Suffix of a file that is being written.
PART = '.part'
# The checkpoint of a run that was asked to stop.
INTERRUPTED = 'interrupted.pth'


def _flush(path: str, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(part: str, path: str) -> None:
    """Rename a complete file to ``path``, once it is safe on the disk."""
    _flush(part, os.O_RDWR)
    os.replace(part, path)
    # The name itself; without it a power failure may undo the renaming.
    _flush(osp.dirname(path) or '.', os.O_RDONLY)


@contextlib.contextmanager
def written_whole(path: Union[str, Path]) -> Iterator[Path]:
    """Lend another name to write a file under, then rename the file.

    If the block fails, nothing is left of it and the former file stays.

    Args:
        path (str | Path): The file.

    Yields:
        Path: A name in the same folder and with the same suffix, by which
        writers tell the format.
    """
    path = Path(path)
    part = path.with_name(f'.{path.stem}.{os.getpid()}{PART}{path.suffix}')
    part.unlink(missing_ok=True)  # A link would lead elsewhere.
    try:
        yield part
        publish(str(part), str(path))
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Union[str, Path], text: str) -> None:
    """Write a text file whole; if that fails, the former content stays."""
    with written_whole(path) as part:
        part.write_text(text, encoding='utf-8')


def remove(path: str) -> None:
    """Remove a file, if that is possible."""
    with contextlib.suppress(OSError):
        os.remove(path)


def explain_unwritten(error: OSError, path: str) -> OSError:
    """Make an error that says what could not be written and what is left."""
    folder = osp.dirname(path) or '.'
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = shutil.disk_usage(folder).free / 2**20
        reason += f' ({free:.0f} MiB free)'
    last = latest_whole_checkpoint(folder)
    left = (f'The last good checkpoint is {last}: remove the obstacle and '
            'continue from there with --resume.' if last else
            f'There is no earlier checkpoint in {folder}.')
    text = f'{osp.basename(path)} could not be written: {reason}. {left}'
    return OSError(error.errno or errno.EIO, text, path)


def is_whole(path: str) -> bool:
    """Tell from the directory at its end whether a checkpoint is complete."""
    return zipfile.is_zipfile(path)


def latest_whole_checkpoint(work_dir: str) -> Optional[str]:
    """Find the checkpoint to resume from in the folder of a run.

    That is the one that ``last_checkpoint`` names: the file of that name in
    this folder, which may be a copy, before the one at that path. Without
    such a file it is ``interrupted.pth``, which a run removes when it has
    saved later ones, or the one of the highest epoch or iteration.
    """
    folder, named = Path(work_dir), []
    with contextlib.suppress(OSError, ValueError):  # It may be no text.
        text = (folder / 'last_checkpoint').read_text().strip()
        if '://' in text:  # Another storage writes whole files itself.
            return text
        named = [str(folder / osp.basename(text)), text]
    found = {
        path: int(re.sub(r'\D', '', path.stem)[:18] or 0)
        for pattern in ('epoch_*.pth', 'iter_*.pth')
        for path in folder.glob(pattern)
    }
    others = [folder / INTERRUPTED,
              *sorted(found, key=lambda path: -found[path])]
    return next((path for path in [*named, *map(str, others)]
                 if osp.isfile(path) and is_whole(path)), None)
