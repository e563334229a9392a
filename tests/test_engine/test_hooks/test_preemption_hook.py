"""Signals that ask to stop: the hook's decisions, without a training."""
import copy
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader

from mmconvnextv2.engine import PreemptionHook


class Loop(BaseLoop):

    run = None


class MessageHub(dict):

    update_info = dict.__setitem__

    def pop_info(self, key):
        return self.pop(key, None)


@pytest.fixture
def runner():
    loader = DataLoader(range(10), batch_size=2)
    return SimpleNamespace(
        train_dataloader=loader,
        train_loop=SimpleNamespace(dataloader=loader), val_loop=None,
        message_hub=MessageHub(), hooks=[], iter=0, epoch=0,
        visualizer=SimpleNamespace(close=lambda: None),
        logger=logging.getLogger('stand-in'), optim_wrapper=SimpleNamespace())


@pytest.fixture
def hook(runner):
    """A hook that watches; the handlers are put back."""
    hook = PreemptionHook(signals=['SIGUSR1'])
    former = signal.getsignal(signal.SIGUSR1)
    yield hook
    hook.after_run(runner)
    assert signal.getsignal(signal.SIGUSR1) == former


def noted(hook, runner, epoch=0):
    checkpoint = dict(meta=dict(epoch=epoch), message_hub=dict(
        runtime_info={}))
    hook.before_save_checkpoint(runner, checkpoint)
    return checkpoint['message_hub']['runtime_info'].get('batches_done')


@pytest.mark.parametrize('arguments', [
    dict(signals=['SIGTREM']), dict(interval=0)])
def test_bad_arguments(arguments):
    with pytest.raises(ValueError, match='signals must be names such as '):
        PreemptionHook(**arguments)


def test_stops_at_once_before_training(hook, runner, capfd):
    runner._train_loop = runner._val_loop = runner._test_loop = None
    hook.before_run(runner)
    # A process that has inherited the handlers ends as the system does.
    child = multiprocessing.get_context('fork').Process(
        target=signal.raise_signal, args=(signal.SIGUSR1, ))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGUSR1
    with pytest.raises(SystemExit) as stop:
        signal.raise_signal(signal.SIGUSR1)
    assert stop.value.code == 75
    assert capfd.readouterr().err == (
        '\nStopped by SIGUSR1 while nothing was trained, so that nothing is '
        'lost: start again, with --resume if there is a checkpoint.\n')
    hook.before_train(runner)
    signal.raise_signal(signal.SIGUSR1)  # It waits for an iteration.


def test_goes_on_within_an_epoch(hook, runner):
    runner.message_hub['batches_done'] = dict(done=3, of=5)
    hook.before_train(runner)
    assert len(list(runner.train_dataloader)) == 2
    os.kill(os.getpid(), signal.SIGUSR1)
    hook.before_train_iter(runner, batch_idx=0)
    with pytest.raises(SystemExit):
        hook.after_train_iter(runner)
    assert noted(hook, runner) == dict(done=4, of=5)
    assert noted(hook, runner, epoch=1) is None  # complete
    assert len(list(runner.train_dataloader)) == 5


def test_an_epoch_of_another_length_begins_anew(hook, runner, caplog):
    logging.disable(logging.NOTSET)
    runner.message_hub['batches_done'] = dict(done=3, of=6)
    hook.before_train(runner)
    assert len(list(runner.train_dataloader)) == 5
    assert caplog.messages == [
        'The run was stopped after 3 of 6 batches of an epoch, which has 5 '
        'now: the epoch begins anew.']


def test_stops_after_a_signal_only(hook, runner, capfd):
    hook.before_train(runner)
    hook.before_train_iter(runner, batch_idx=2)
    hook.after_train_iter(runner)
    hook.after_val_iter(runner)
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)  # Told once.
    assert capfd.readouterr().err == (
        '\nSIGUSR1: stopping after this iteration.\n')
    with pytest.raises(SystemExit) as stop:
        hook.after_val_iter(runner)
    assert stop.value.code == 75
    with pytest.raises(SystemExit) as stop:
        hook.after_train_iter(runner)
    assert stop.value.code == 75
    assert noted(hook, runner) == dict(done=3, of=5)


def test_waits_for_the_update(hook, runner):
    runner.optim_wrapper = SimpleNamespace(
        _inner_count=5, _accumulative_counts=4)
    hook.before_train(runner)
    os.kill(os.getpid(), signal.SIGUSR1)
    hook.after_train_iter(runner)
    runner.optim_wrapper._inner_count = 8
    with pytest.raises(SystemExit):
        hook.after_train_iter(runner)


_LEAVES_A_WORKER = '''
import builtins, logging
from types import SimpleNamespace
from mmengine.runner import BaseLoop
from torch.utils.data import DataLoader
from mmconvnextv2.engine import PreemptionHook

class Loop(BaseLoop):
    run = None

loader = DataLoader(range(9), num_workers=1, persistent_workers=True)
PreemptionHook().before_run(SimpleNamespace(
    _train_loop=None, _val_loop={}, _test_loop=Loop(None, loader)))
builtins.kept = [loader, iter(loader)]  # nobody shuts the worker down
next(kept[1])
'''


def test_a_worker_that_is_left_does_not_hold_up_the_exit():
    # multiprocessing waits for it after a single SIGTERM.
    done = subprocess.run([sys.executable, '-c', _LEAVES_A_WORKER],
                          timeout=60, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, '')


@pytest.mark.timeout(60)
def test_processes_of_a_pool_end(runner, monkeypatch):
    """They inherit what notes SIGTERM; mmdet's VOC metric makes some."""
    process = multiprocessing.process.BaseProcess
    monkeypatch.setattr(process, 'terminate', process.terminate)
    hook = PreemptionHook()
    hook.before_test(runner)
    for _ in range(20):
        pool = multiprocessing.get_context('fork').Pool(4)
        assert pool.starmap(pow, [(2, 3)] * 4) == [8] * 4
        pool.close()
        # Sends SIGTERM to those that have not ended. Dropping the pool does
        # too, but its own threads wait for each other then, once in a while.
        pool.terminate()
    hook.after_run(runner)
    while multiprocessing.active_children():
        time.sleep(0.01)


class _SignalledAtOnce(multiprocessing.context.ForkProcess):

    def run(self):
        os.kill(os.getpid(), signal.SIGTERM)
        super().run()


class _SpawnedAndSignalled(multiprocessing.context.SpawnProcess):

    def start(self):
        super().start()
        os.kill(self.pid, signal.SIGTERM)


@pytest.mark.parametrize('method, process', [
    ('fork', _SignalledAtOnce),  # before its first statement
    ('spawn', _SpawnedAndSignalled)])  # while it imports
def test_workers_start_shielded(method, process):
    context = copy.copy(multiprocessing.get_context(method))
    context.Process = process
    loader = DataLoader(range(4), batch_size=2, num_workers=1,
                        multiprocessing_context=context)
    hook = PreemptionHook()
    hook.before_run(SimpleNamespace(
        _train_loop=None, _val_loop={}, _test_loop=Loop(None, loader)))
    hook.after_run(None)
    assert [x.tolist() for x in loader] == [[0, 1], [2, 3]]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {*hook.signals}
