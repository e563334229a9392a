"""Draws of a run's processes, which differ, and of a run repeated."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader, Dataset

from mmconvnextv2.engine import SeedHook
from mmconvnextv2.engine.hooks import seed_hook


class Draws(Dataset):

    def __getitem__(self, index):
        return torch.rand(()).item()

    def __len__(self):
        return 4


def draws_of(rank, monkeypatch, seed=3):
    """What samples and model of the first iterations draw in a process."""
    monkeypatch.setattr(seed_hook, 'get_rank', lambda: rank)
    loader = DataLoader(Draws(), 2, sampler=DefaultSampler(Draws()),
                        collate_fn=list)
    runner = SimpleNamespace(
        cfg=dict(randomness=dict(seed=seed)), train_dataloader=loader,
        train_loop=SimpleNamespace(), iter=0)
    hook = SeedHook(enabled=True)
    hook.before_train(runner)
    samples, model = [], []
    for runner.iter, batch in enumerate(loader):
        samples += batch
        hook.before_train_iter(runner)
        model.append(torch.rand(()).item())
    return samples, model


def test_processes_draw_differently_and_a_run_repeats(monkeypatch):
    first, second = (draws_of(rank, monkeypatch) for rank in (0, 1))
    for mine, other in zip(first, second):
        assert len({*mine, *other}) == len(mine) + len(other)
    assert draws_of(1, monkeypatch) == second
    assert draws_of(1, monkeypatch, seed=4) != second


def test_a_seed_is_needed(monkeypatch):
    with pytest.raises(ValueError, match='SeedHook needs a seed: set random'):
        draws_of(0, monkeypatch, seed=None)
