"""Batches of a training run: skipped after a stop, seeded one by one.

torchdata's ``StatefulDataLoader`` would only do the skipping: it repeats no
draws within samples, refuses another number of workers, and MMEngine builds
PyTorch's ``DataLoader`` by name.
"""
from functools import partial
from itertools import chain, count, islice
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy as np
from mmengine.runner import Runner, set_random_seed
from torch.utils.data import DataLoader, Dataset


def seed_generators(*key: int) -> None:
    """Seed Python, NumPy and PyTorch by non-negative numbers."""
    set_random_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))


class CountedBatches:
    """Batches of a sampler, some skipped, the others numbered on demand.

    ``skip`` batches are left out of the next pass, ``skipped`` were of this
    one. With ``numbers``, of the next batches, a batch is a pair of its number
    and its indices. Other attributes are the sampler's.
    """

    numbers: Optional[Iterator[int]] = None

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.skip = self.skipped = 0

    def __iter__(self) -> Iterator[Union[List[int], Tuple[int, List[int]]]]:
        self.skipped, self.skip = self.skip, 0
        for batch in islice(self.batch_sampler, self.skipped, None):
            yield (next(self.numbers), batch) if self.numbers else batch

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch_sampler, name)


def count_batches(loader: DataLoader) -> CountedBatches:
    """Put a ``CountedBatches`` into a data loader, unless it has one."""
    if not isinstance(loader.batch_sampler, CountedBatches):
        # The loader refuses a plain assignment.
        object.__setattr__(loader, 'batch_sampler',
                           CountedBatches(loader.batch_sampler))
    return loader.batch_sampler


def seed_batches(runner: Runner, seed: int, rank: int) -> None:
    """Seed each sample by seed, rank, number of the batch and place in it."""
    loader = runner.train_dataloader
    for sampler in _samplers(loader):
        if hasattr(sampler, 'seed'):
            sampler.seed = seed
    loader.dataset.__getitems__ = partial(_load, loader.dataset, seed, rank)
    count_batches(loader).numbers = count(
        0 if draws_past(runner) else runner.iter)


def draws_past(runner: Runner) -> bool:
    """Tell if a resumed run draws past batches again.

    An ``IterBasedTrainLoop`` does, unless its sampler can skip them.
    """
    iterator = getattr(runner.train_loop, 'dataloader_iterator', None)
    return iterator is not None and not (
        hasattr(iterator, 'skip_iter')
        and hasattr(runner.train_dataloader.sampler, 'skip'))


def _load(dataset: Dataset, seed: int, rank: int,
          batch: Tuple[int, List[int]]) -> List[Any]:
    number, indices = batch

    def load(place: int, index: int) -> Any:
        seed_generators(seed, rank, number, place)
        return dataset[index]

    return [load(*x) for x in enumerate(indices, 1)]


def _samplers(loader: DataLoader) -> List[Any]:
    return [loader.sampler, getattr(loader.batch_sampler, 'sampler', None)]


def restart_iterator(runner: Runner) -> None:
    """Drop an iterator that a loop has begun before its hooks were called."""
    loader = runner.train_dataloader
    iterator = getattr(runner.train_loop, 'dataloader_iterator', None)
    if getattr(iterator, '_iterator', None) is None:
        return
    for sampler in _samplers(loader):
        if hasattr(sampler, '_indices_of_rank'):  # InfiniteSampler goes on.
            sampler.indices = sampler._indices_of_rank()
    loader._iterator = None  # Persistent workers have what they started with.
    iterator._iterator = chain.from_iterable([loader])  # begun when needed
