"""What stands in the place of a traceback."""
import multiprocessing
import os
import signal
import time
from multiprocessing import resource_sharer

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmconvnextv2.datasets.damaged import DamagedDataError
from mmconvnextv2.faults import (
    TrainingError,
    explained_damage,
    explained_faults,
)

RAISED = ('Caught DamagedDataError in DataLoader worker process 0.\nOriginal '
          'Traceback (most recent call last):\n  File "x.py", line 1\n'
          'mmconvnextv2.datasets.damaged.DamagedDataError: a.jpg: no.\n')


def test_damaged_data(tmp_path):
    with pytest.raises(TrainingError) as caught, explained_damage():
        raise DamagedDataError(RAISED)
    assert str(caught.value) == 'a.jpg: no.' and caught.value.exit_code == 1
    with pytest.raises(TrainingError) as caught, explained_faults(
            str(tmp_path)):
        raise DamagedDataError(RAISED)
    assert str(caught.value) == 'a.jpg: no. There is no checkpoint yet.'


@pytest.fixture
def _handler_of_children():
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


def test_second_worker_dies_while_the_first_is_explained(
        tmp_path, monkeypatch, _handler_of_children):
    deaths = iter([RuntimeError('DataLoader worker (pid 2) is killed')])
    set_handler = signal.signal

    def dies(*arguments):
        for error in deaths:
            raise error
        return set_handler(*arguments)

    monkeypatch.setattr('mmconvnextv2.faults.signal.signal', dies)
    with pytest.raises(TrainingError) as caught, explained_faults(
            str(tmp_path)):
        raise RuntimeError('DataLoader worker (pid 1) is killed')
    assert str(caught.value).startswith('DataLoader worker (pid 2) is killed. '
                                        'Its own message')
    assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL


class DataOfADyingWorker(Dataset):
    """Its worker's address goes with the second item; then it dies."""

    def __init__(self):
        self.is_gone = multiprocessing.Event()

    def __len__(self):
        return 2

    def __getitem__(self, index):
        if index:
            while not (server := resource_sharer._resource_sharer)._address:
                time.sleep(0.001)  # until the first item is offered there
            os.unlink(server._address)
            self.is_gone.set()
            time.sleep(0.3)
            os._exit(3)
        return torch.zeros(1)


def test_worker_that_cannot_be_reached_before_it_is_dead(
        tmp_path, _handler_of_children):
    data = DataOfADyingWorker()
    batches = iter(DataLoader(data, num_workers=1))
    with pytest.raises(TrainingError) as caught, explained_faults(
            str(tmp_path)):
        assert data.is_gone.wait(60)
        next(batches)
    assert 'exited unexpectedly with exit code 3' in str(caught.value)
    assert isinstance(caught.value.__cause__.__context__, FileNotFoundError)


def test_errors_of_connections_that_nobody_died_of(tmp_path, monkeypatch):
    monkeypatch.setattr('mmconvnextv2.faults._NEWS_OF_DEATH', 0)
    with pytest.raises(EOFError), explained_faults(str(tmp_path)):
        ours, other = multiprocessing.Pipe()
        other.close()
        ours.recv()


def test_other_errors_pass(tmp_path):
    with pytest.raises(RuntimeError, match='^out of memory$'), \
            explained_faults(str(tmp_path)):
        raise RuntimeError('out of memory')
