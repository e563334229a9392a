"""Read large annotation files, once."""
import contextlib
import gc
import json
import os
from collections.abc import Iterator
from typing import Any

# The content of one file, by its path, time and size.
_kept: dict[tuple, Any] = {}
forget = _kept.clear


def keep(path: str, content: Any) -> None:
    """Keep the content of a file for who reads it next, if none is kept."""
    if not _kept:
        _kept[_key(path)] = content


def read_json(path: str) -> Any:
    """Read a JSON file, or take what is kept of it."""
    if (content := _kept.pop(_key(path), None)) is not None:
        return content
    with open(path, 'rb') as stream:
        return json.loads(stream.read().decode())


def _key(path: str) -> tuple:
    stat = os.stat(path)
    return os.path.realpath(path), stat.st_mtime_ns, stat.st_size


@contextlib.contextmanager
def collector_off() -> Iterator[None]:
    """Collect no garbage: reading a file of COCO's size takes a third of the
    time if millions of new records are not looked at again and again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
