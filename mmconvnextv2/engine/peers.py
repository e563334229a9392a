"""Which of a run's processes have ended."""
import os
import socket
import time
from typing import List, Tuple

from mmengine.dist import all_gather_object

_peers: List[Tuple[str, int]] = []  # of each rank: host, process id


def note_peers() -> None:
    """Let all processes of a run know one another."""
    _peers[:] = all_gather_object((socket.gethostname(), os.getpid()))


def describe_ended() -> str:
    """Name processes of this run that have ended, if they ran on this machine.

    By a sentence that begins with a space, or nothing.
    """
    here = [(rank, pid) for rank, (host, pid) in enumerate(_peers)
            if host == socket.gethostname() and pid != os.getpid()]
    ended: List[str] = []
    end = time.monotonic() + 3  # A lost connection is seen before the end is.
    while here and not ended and time.monotonic() < end:
        time.sleep(0.1)
        ended = [f'{rank} (pid {pid})' for rank, pid in here
                 if not _is_alive(pid)]
    return (f" Ended before this one: process {', '.join(ended)}. Look for "
            'its message, or for a kill by the system (dmesg).'
            if ended else '')


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
