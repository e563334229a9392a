"""Check that files are there and are read, and lists of files."""
import os
import os.path as osp
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePath

from mmconvnextv2.errors import Note
from mmconvnextv2.images import SUFFIXES
from mmconvnextv2.text import first_of

_MOST = 100_000  # images of a folder, that are counted


def missing_files(folder: str, files: Sequence[str]) -> list[str]:
    """List files that are not in a folder; reads each folder once."""
    listed: dict[str, set[str]] = {}
    missing = []
    for file in files:
        inner, _, name = file.rpartition('/')
        if inner not in listed:
            try:
                with os.scandir(osp.join(folder, inner)) as entries:
                    listed[inner] = {
                        x.name for x in entries if not x.is_symlink()}
            except OSError:
                listed[inner] = set()
        # Links, and other writings of a name where case does not matter.
        if name not in listed[inner] and not osp.exists(
                osp.join(folder, file)):
            missing.append(file)
    return missing


def images_in(folder: str) -> list[str]:
    """List paths of images of every kind below a folder, sorted."""
    return sorted(islice(_walk(folder), _MOST))


def _walk(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [x for x in folders if not x.startswith('.')]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith('.'):
                yield osp.join(place, name)


def unread(folder: str, paths: Sequence[str], read: Sequence[str],
           remedy: str) -> Iterator[str]:
    """Count the images of a folder that are passed over, and say a remedy."""
    kinds = Counter(PurePath(x).suffix for x in set(paths).difference(read))
    if kinds:
        listed = ', '.join(f'{n} {x}' for x, n in sorted(
            kinds.items(), key=lambda x: (-x[1], x[0])))
        yield Note(f'{folder}: {sum(kinds.values())} of its {len(paths)} '
                   f'images are not read: {listed}. {remedy}.')


def check_list(path: str, num_classes: int | None = None
               ) -> Generator[str, None, list[str]]:
    """Name what editors leave in a list of names; returns these.

    Each line is a name, or with ``num_classes`` a name and a label.
    """
    text = Path(path).read_text(encoding='utf-8', errors='replace')
    lines = text.removeprefix('\ufeff').splitlines()
    if text.startswith('\ufeff'):
        yield (f'{path}: begins with a byte order mark, which would be part '
               'of the first name: save it as UTF-8 without one')
    for what, found in (
            ('is blank, and would be a file without a name: remove it',
             [i for i, x in enumerate(lines, 1) if not x.strip()]),
            ('has a backslash, as Windows separates folders: write /',
             [i for i, x in enumerate(lines, 1) if '\\' in x])):
        if found:
            yield f'{path}: line {first_of(found)} {what}'
    if num_classes is None:
        return lines
    names = []
    for number, line in enumerate(map(str.strip, lines), 1):
        name, _, label = line.rpartition(' ')
        names.append(name)
        if line and not (name and label.lstrip('-').isdigit()):
            yield (f'{path}: line {number}: expected "PATH LABEL", got '
                   f'{line!r:.80}')
        elif line and not 0 <= int(label) < num_classes:
            yield (f'{path}: line {number}: the label must be 0 to '
                   f'{num_classes - 1}, is {label} ({name})')
    return names
