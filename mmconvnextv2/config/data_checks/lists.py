"""Check lists of files, a name in each line."""
from pathlib import Path
from typing import Iterator

from mmconvnextv2.text import first_of


def faults_of_list(path: str) -> Iterator[str]:
    """Name what editors and other systems leave in a list of files.

    Args:
        path (str): The list. OpenMMLab takes each line as it is.
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
