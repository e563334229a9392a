"""The batches of a training run: skipped after a stop, seeded one by one."""
import random
from functools import partial
from itertools import islice
from typing import Any, Iterator, List, Sequence, Tuple

import numpy as np
import torch
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset


def seed_generators(*key: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators.

    Args:
        *key (int): Non-negative numbers; other numbers give unrelated seeds.
    """
    words = np.random.SeedSequence(key).generate_state(4)
    random.seed(int(words[0]))
    np.random.seed(words[1])
    # Of all devices; in a worker it leaves CUDA alone.
    torch.manual_seed(int(words[2]) + (int(words[3] >> 1) << 32))


class SeededIndex(int):
    """Index of a sample, with the key that its random choices depend on.

    It travels to the worker that loads the sample, whichever that is.
    """

    key: Tuple[int, ...]

    def __new__(cls, index: int, key: Tuple[int, ...] = ()) -> 'SeededIndex':
        self = super().__new__(cls, index)
        self.key = key
        return self


def load_seeded(dataset: Dataset, indices: Sequence[SeededIndex]) -> List[Any]:
    """Load samples, each with generators seeded by its key."""
    samples = []
    for index in indices:
        seed_generators(*index.key)
        samples.append(dataset[int(index)])
    return samples


class OrderedBatches:
    """A batch sampler that can begin later and can number its samples.

    Args:
        batch_sampler (Iterable[list[int]]): The one that it stands for, whose
            attributes it has too.

    Attributes:
        skip (int): Batches that the next pass leaves out, once.
        key (tuple[int], optional): Seed, epoch and rank; turns indices into
            :class:`SeededIndex`.
        first (int): Iteration that the next pass begins with.
    """

    def __init__(self, batch_sampler: Any) -> None:
        self.batch_sampler = batch_sampler
        self.skip = 0
        self.key: Tuple[int, ...] = ()
        self.first = 0

    def __iter__(self) -> Iterator[List[int]]:
        skip, self.skip = self.skip, 0
        key, first = self.key, self.first
        batches = islice(iter(self.batch_sampler), skip, None)
        if not key:
            yield from batches
            return
        for iteration, batch in enumerate(batches, first):
            # Place 0 is the model's own draws.
            yield [
                SeededIndex(index, (*key, iteration, place))
                for place, index in enumerate(batch, 1)
            ]

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __getattr__(self, name: str) -> Any:
        if name == 'batch_sampler':  # While it is unpickled.
            raise AttributeError(name)
        return getattr(self.batch_sampler, name)


def order_batches(loader: DataLoader) -> OrderedBatches:
    """Put an :class:`OrderedBatches` into a data loader, if it has none.

    Raises:
        ValueError: If the loader draws single samples.
    """
    batches = loader.batch_sampler
    if batches is None:
        raise ValueError('the train_dataloader must draw batches, got one '
                         'with batch_size=None')
    if not isinstance(batches, OrderedBatches):
        batches = OrderedBatches(batches)
        # The loader refuses the plain assignment, to protect iterators that
        # exist already; see restart_iterator.
        object.__setattr__(loader, 'batch_sampler', batches)
    return batches


def load_with_seeds(loader: DataLoader, seed: int) -> None:
    """Let a loader's order and samples depend on ``seed`` alone."""
    loader.dataset.__getitems__ = partial(load_seeded, loader.dataset)
    inner = getattr(loader.batch_sampler, 'sampler', None)
    for sampler in (loader.sampler, inner):
        if hasattr(sampler, 'seed'):
            sampler.seed = seed


def restart_iterator(runner: Runner) -> None:
    """Begin anew where a loop holds an iterator from before training."""
    loader = runner.train_dataloader
    iterator = getattr(runner.train_loop, 'dataloader_iterator', None)
    if hasattr(loader.sampler, '_indices_of_rank'):
        # Of InfiniteSampler, which goes on rather than beginning anew, and
        # whose order depends on the seed only until the first draw.
        loader.sampler.indices = loader.sampler._indices_of_rank()
    if getattr(iterator, '_iterator', None) is not None:
        # Persistent workers would go on with what they were started with.
        loader._iterator = None
        iterator._iterator = iter(loader)


def first_iteration(runner: Runner) -> int:
    """Number of the batch that the loader gives first after a resumption."""
    loop = runner.train_loop
    iterator = getattr(loop, 'dataloader_iterator', None)
    skips_in_sampler = hasattr(iterator, 'skip_iter') and hasattr(
        runner.train_dataloader.sampler, 'skip')
    if iterator is None or skips_in_sampler or getattr(
            loop, 'fast_forward_on_resume', False):
        return runner.iter
    return 0  # The loop draws those of the past again.
