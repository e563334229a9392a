"""Batches that are skipped and seeded."""
import pickle
import random

import numpy as np
import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from mmconvnextv2.engine.batches import (
    OrderedBatches,
    SeededIndex,
    load_with_seeds,
    order_batches,
    seed_generators,
)


class _Draws(Dataset):

    def __getitem__(self, index):
        assert type(index) is int
        return (index, random.random(), np.random.rand(),
                torch.rand(()).item())

    def __len__(self):
        return 7


def _loader(workers=0):
    loader = DataLoader(
        _Draws(), batch_size=2, num_workers=workers, collate_fn=list)
    batches = order_batches(loader)
    load_with_seeds(loader, 3)
    batches.key, batches.first = (3, 0, 0), 4
    return loader, batches


def test_generators_are_seeded_by_all_numbers():

    def draw(*key):
        seed_generators(*key)
        return random.random(), np.random.rand(), torch.rand(()).item()

    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2)]
    first = [draw(*key) for key in keys]
    assert [draw(*key) for key in keys] == first
    # 15 different draws.
    assert len({x for draws in first for x in draws}) == 15


def test_samples_do_not_depend_on_what_was_drawn_before():
    loader, batches = _loader()
    whole = list(loader)
    assert [len(batch) for batch in whole] == [2, 2, 2, 1]
    assert len({x for batch in whole for x in batch}) == 7
    batches.skip, batches.first = 2, 6
    assert list(loader) == whole[2:]
    batches.first = 4
    assert list(loader) == whole  # Skipped once only.
    batches.key = (3, 1, 0)
    assert not set(sum(list(loader), [])) & set(sum(whole, []))


def test_samples_do_not_depend_on_the_workers():
    assert list(_loader(workers=2)[0]) == list(_loader()[0])


def test_a_loader_is_changed_once_and_keeps_its_length():
    loader, batches = _loader()
    assert order_batches(loader) is batches is loader.batch_sampler
    batches.skip = 3
    assert len(loader) == 4 and batches.batch_size == 2
    with pytest.raises(ValueError, match='must draw batches'):
        order_batches(DataLoader(_Draws(), batch_size=None))


def test_without_a_seed_indices_are_plain():
    inner = BatchSampler(RandomSampler(range(5)), 2, drop_last=False)
    batches = OrderedBatches(inner)
    assert sorted(sum(batches, [])) == list(range(5))
    assert all(type(x) is int for batch in batches for x in batch)


def test_both_can_be_sent_to_a_worker():
    index = pickle.loads(pickle.dumps(SeededIndex(4, (1, 2))))
    assert index == 4 and index.key == (1, 2)
    batches = pickle.loads(pickle.dumps(_loader()[1]))
    assert batches.key == (3, 0, 0) and len(batches) == 4
