"""Running statistics that differ between two processes, over gloo."""
import os
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmconvnextv2.engine.hooks.average_buffers_hook import AverageBuffersHook


def _run(rank, store, result):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    model = nn.BatchNorm1d(2)
    model(torch.tensor([[0., 1.], [2., 5.]]) * 10**rank)
    AverageBuffersHook().after_train_iter(SimpleNamespace(model=model))
    torch.save(model.state_dict(), result)


@pytest.fixture
def states(tmp_path):
    """What two processes end with."""
    pids = []
    for rank in range(2):
        pids.append(os.fork())
        if pids[-1] == 0:
            try:
                _run(rank, tmp_path / 'store', tmp_path / f'{rank}.pt')
            finally:
                os._exit(0)
    for pid in pids:
        os.waitpid(pid, 0)
    return [torch.load(tmp_path / f'{rank}.pt') for rank in range(2)]


def test_processes_follow_the_mean(states):
    # From 0 and 1, a tenth of the way to the batch's mean and variance.
    means, variances = [1., 3.], [2., 8.]
    for state in states:
        torch.testing.assert_close(
            state['running_mean'],
            torch.tensor([0.1 * x * (1 + 10) / 2 for x in means]))
        torch.testing.assert_close(
            state['running_var'],
            torch.tensor([0.9 + 0.1 * x * (1 + 100) / 2 for x in variances]))
        assert state['num_batches_tracked'] == 1
        assert state['weight'].tolist() == [1, 1]


def test_one_process_keeps_its_own():
    model = nn.BatchNorm1d(2)
    before = model.running_mean.clone()
    AverageBuffersHook().after_train_iter(SimpleNamespace(model=model))
    assert model.running_mean.equal(before)
