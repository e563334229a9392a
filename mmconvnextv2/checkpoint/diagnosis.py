"""What is wrong with a file that is no checkpoint, seen from its bytes."""
import os.path as osp
import string
import zipfile
from typing import Optional

_HEAD = 256
_SHOWN = 40
_GIT_LFS = b'version https://git-lfs'
_ZIP = b'PK\x03\x04'
_TEXT = frozenset(string.printable.encode())


def find_damage(path: str) -> Optional[str]:
    """What shows at a glance that a file is no whole checkpoint.

    Only its beginning and its end are read.

    Args:
        path (str): A file.

    Returns:
        str, optional: A clause such as 'it is empty'; None if nothing shows.
    """
    if osp.getsize(path) == 0:
        return 'it is empty'
    with open(path, 'rb') as file:
        head = file.read(_HEAD)
    if head.startswith(_GIT_LFS):
        return 'it is a pointer of Git LFS, "git lfs pull" gets the file'
    if head.startswith(_ZIP) and not zipfile.is_zipfile(path):
        return 'it is cut off: the directory at its end is missing'
    if _TEXT.issuperset(head):
        start = ' '.join(head.decode().split())[:_SHOWN]
        kind = 'a web page' if start.startswith('<') else 'text'
        return f'it is {kind}, which begins {start!r}'
    return None
