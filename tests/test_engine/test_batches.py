"""Batches that are skipped and seeded."""
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader, Dataset

from mmconvnextv2.engine.batches import (
    count_batches,
    restart_iterator,
    seed_batches,
    seed_generators,
)


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


class Draws(Dataset):

    def __getitem__(self, index):
        return index, *draw()

    def __len__(self):
        return 7


def make_runner(workers=0, iteration=0, infinite=False, **loop):
    sampler = (InfiniteSampler if infinite else DefaultSampler)(Draws())
    loader = DataLoader(Draws(), 2, sampler=sampler, num_workers=workers,
                        collate_fn=list)
    return SimpleNamespace(
        train_dataloader=loader, train_loop=SimpleNamespace(**loop),
        iter=iteration)


def seeded(seed=3, rank=0, **options):
    runner = make_runner(**options)
    seed_batches(runner, seed, rank)
    return runner.train_dataloader


def test_generators_are_seeded_by_all_numbers():
    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2)]

    def draws():
        return [seed_generators(*key) or draw() for key in keys]

    assert draws() == draws()
    assert len({x for values in draws() for x in values}) == 15


def test_samples_depend_on_seeds_alone():
    loader = seeded()
    first, second = list(loader), list(loader)
    assert [len(batch) for batch in first] == [2, 2, 2, 1]
    assert len({x for batch in first + second for x in batch}) == 14
    assert list(seeded(workers=2)) == first
    # In the second epoch, after 2 of its batches.
    resumed = seeded(iteration=6)
    resumed.batch_sampler.skip = 2
    assert list(resumed) == second[2:]
    assert resumed.batch_sampler.skipped == 2
    assert len(list(resumed)) == 4  # Skipped once only.
    for other in (seeded(seed=4), seeded(rank=1)):
        assert not set(sum(other, [])) & set(sum(first, []))


def test_infinite_samples_after_a_resumption():
    batches = iter(seeded(infinite=True))
    whole = [next(batches) for _ in range(6)]
    # MMEngine's loop draws what is past again, or lets its sampler skip it.
    again = iter(seeded(infinite=True, iteration=4, dataloader_iterator=[]))
    assert [next(again) for _ in range(6)] == whole
    skips = SimpleNamespace(skip_iter=None)
    runner = make_runner(infinite=True, iteration=4, dataloader_iterator=skips)
    sampler = runner.train_dataloader.sampler
    sampler.skip = lambda number: [next(sampler.indices) for _ in range(8)]
    seed_batches(runner, 3, 0)
    sampler.skip(8)
    skipped = iter(runner.train_dataloader)
    assert [next(skipped) for _ in range(2)] == whole[4:]


@pytest.mark.parametrize('workers', [0, 1])
def test_an_iterator_is_begun_anew(workers):
    begun = SimpleNamespace()
    runner = make_runner(workers, infinite=True, dataloader_iterator=begun)
    begun._iterator = iter(runner.train_dataloader)
    next(begun._iterator)
    seed_batches(runner, 3, 0)
    for _ in range(2):  # As several hooks do.
        restart_iterator(runner)
    expected = iter(seeded(infinite=True))
    for _ in range(4):
        assert next(begun._iterator) == next(expected)


def test_a_loader_is_changed_once_and_keeps_its_length():
    loader = make_runner().train_dataloader
    batches = count_batches(loader)
    assert count_batches(loader) is batches is loader.batch_sampler
    batches.skip = 3
    assert len(loader) == 4 and batches.batch_size == 2
    # Without a seed indices are plain.
    assert list(batches) == [list(batches)[3]]
