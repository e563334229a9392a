"""A function run by several processes that meet over gloo."""
import socket
import time
from functools import partial
from pathlib import Path
from typing import Any, Callable, List

import torch
from forked import Forked


def run_processes(work: Callable[[int], Any], folder: Path, number: int = 2,
                  seconds: float = 250) -> List[Any]:
    """Run ``work(rank)`` in forked processes; returns what they return.

    The outputs are in ``folder``, as ``rank_N.txt``, and in the RuntimeError
    that follows if one fails. What has not ended in time is killed.
    """
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]

    def run(rank: int, arguments: List[str]) -> int:
        torch.save(work(rank), folder / f'rank_{rank}.pt')
        return 0

    running = {
        rank: Forked(
            partial(run, rank), [], name=folder / f'rank_{rank}.txt',
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(number),
            MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port),
            CUDA_VISIBLE_DEVICES='')
        for rank in range(number)
    }
    all_ended, end = {}, time.monotonic() + seconds
    while running:
        for rank in list(running):
            ended = running[rank].ended()
            if ended:
                all_ended[rank] = ended
                del running[rank]
        # What waits for one that has failed would wait for long.
        if any(x.code for x in all_ended.values()) or time.monotonic() > end:
            for process in running.values():
                process.kill()
        time.sleep(0.01)
    if any(x.code for x in all_ended.values()):
        raise RuntimeError('\n'.join(
            f'rank {rank} ended with code {x.code}\n{x.output[-4000:]}'
            for rank, x in sorted(all_ended.items())))
    return [torch.load(folder / f'rank_{i}.pt', weights_only=False)
            for i in range(number)]
