"""The same run in one process and in several, and what both have in common."""
import socket
from pathlib import Path
from typing import Callable, Dict, List

import mmengine.dataset.sampler
import torch
from forked import Forked
from recorder import records
from torch import Tensor

import mmconvnextv2.engine.hooks.seed_hook

# Sums in another order, after a few steps of AdamW.
TOLERANCE = 1e-10
# Images of an iteration, of all processes together.
GLOBAL_BATCH = 8


def free_port() -> str:
    """A port of this machine that nobody listens to."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return str(sock.getsockname()[1])


def _arguments(world_size: int, work_dir: str) -> List[str]:
    batch_size = GLOBAL_BATCH // world_size
    return [
        'small.py', '--work-dir', work_dir, '--cfg-options',
        f'train_dataloader.batch_size={batch_size}'
    ]


class Runs:
    """Trains small.py of a folder, the present one.

    Args:
        run (Callable): Of the fixture.
        tools (Path): The folder of the tools.
        main (Callable): train.py's main function.

    Attributes:
        num_train, num_val (int): Images of the data set.
    """

    num_train = 2 * GLOBAL_BATCH
    num_val = 7

    def __init__(self, run: Callable, tools: Path, main: Callable) -> None:
        self.run, self.tools, self.main = run, tools, main

    def many(self, world_size: int) -> List[dict]:
        """Train in several processes; returns what each has recorded."""
        work_dir = f'many_{world_size}'
        config, *options = _arguments(world_size, work_dir)
        done = self.run(
            Path.cwd(), 'bash', self.tools / 'dist_train.sh', config,
            world_size, *options, CUDA_VISIBLE_DEVICES='', PORT=free_port())
        assert done.returncode == 0, done.stdout + done.stderr
        return records(work_dir, world_size)

    def one(self) -> dict:
        """Train in one process; returns what it has recorded."""
        return self._one(0, 1, 'one')

    def share(self, rank: int, world_size: int) -> dict:
        """Train on one's share of several, with its draws, but alone.

        The evaluation is of all images.
        """
        return self._one(rank, world_size, f'share_{rank}')

    def _one(self, rank: int, world_size: int, work_dir: str) -> dict:

        def pretend() -> None:
            # The sampler for training asks first.
            told = iter([(rank, world_size)])
            mmengine.dataset.sampler.get_dist_info = lambda: next(
                told, (0, 1))
            mmconvnextv2.engine.hooks.seed_hook.get_rank = lambda: rank

        forked = Forked(
            self.main, _arguments(world_size, work_dir), before=pretend,
            name=f'{work_dir}.txt')
        ended = forked.wait(seconds=600)
        assert ended.code == 0, ended.output
        return records(work_dir, 1)[0]


def differing(first: Dict[str, Tensor],
              second: Dict[str, Tensor]) -> List[str]:
    """Names of the tensors that are not equal."""
    assert first.keys() == second.keys() and first
    return [name for name in first if not first[name].equal(second[name])]


def distance(first: Dict[str, Tensor], second: Dict[str, Tensor]) -> float:
    """The largest difference of two numbers that have the same place."""
    assert first.keys() == second.keys() and first
    assert {x.dtype for x in (*first.values(), *second.values())
            if x.is_floating_point()} == {torch.float64}
    return max((first[k] - second[k]).abs().max().item() for k in first)


def images_of(ranks: List[dict]) -> List[List[str]]:
    """The images of each iteration, of all processes together."""
    iterations = zip(*(record['images'] for record in ranks))
    return [sorted(sum(parts, [])) for parts in iterations]
