"""A function run by several processes that meet over gloo."""
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Callable, List

import torch


def run_processes(work: Callable[[int], Any],
                  folder: Path,
                  number: int = 2,
                  seconds: float = 250) -> List[Any]:
    """Run ``work(rank)`` in forked processes; returns what they return.

    Args:
        work (Callable): What each does. A launcher's variables are set.
        folder (Path): For the results and the outputs, ``rank_N.txt``.
        number (int): How many processes. Defaults to 2.
        seconds (float): When to kill what has not ended. Defaults to 250.

    Raises:
        RuntimeError: If one fails; has all outputs.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    pids = [_start(work, folder, rank, number, port) for rank in range(number)]
    codes = _wait(pids, time.monotonic() + seconds)
    if any(codes):
        outputs = [(folder / f'rank_{i}.txt').read_text()[-4000:]
                   for i in range(number)]
        raise RuntimeError(f'exit codes {codes}\n' + '\n'.join(outputs))
    return [
        torch.load(folder / f'rank_{i}.pt', weights_only=False)
        for i in range(number)
    ]


def _start(work: Callable[[int], Any], folder: Path, rank: int, number: int,
           port: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(number),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
            CUDA_VISIBLE_DEVICES='')
        file = os.open(folder / f'rank_{rank}.txt',
                       os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = os.fdopen(1, 'w', buffering=1, closefd=False)
        sys.stderr = os.fdopen(2, 'w', buffering=1, closefd=False)
        torch.save(work(rank), folder / f'rank_{rank}.pt')
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _wait(pids: List[int], end: float) -> List[int]:
    codes = {}
    while len(codes) < len(pids):
        for pid in set(pids) - set(codes):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                codes[pid] = os.waitstatus_to_exitcode(status)
        # What waits for one that has failed would wait for long.
        if any(codes.values()) or time.monotonic() > end:
            for pid in set(pids) - set(codes):
                os.kill(pid, signal.SIGKILL)
                codes[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        time.sleep(0.01)
    return [codes[pid] for pid in pids]
