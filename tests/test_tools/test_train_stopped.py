"""Runs that a signal stops, and their continuation by train.py --resume."""
import logging
import os
import signal
import sys
import time

import pytest
from faulty_task import write_faulty_task
from forked import Forked
from run_results import assert_equal_end, files, iterations, load, trained

from mmconvnextv2.config.find import configs_folder

_STOPPED = 75


def test_stopped_in_an_epoch_or_killed_and_resumed(start):
    # 6 iterations an epoch; with workers, whose seeds are the samples' own.
    assert start(work_dir='whole').wait().code == 0
    stopped = start(fault='SIGTERM at 9', workers=2).wait()
    assert stopped.code == _STOPPED, stopped.output
    assert 'SIGTERM: stopping after this iteration.' in stopped.output
    assert 'The data are not checked' not in stopped.output
    assert ('Stopped by SIGTERM after iteration 9, saved as interrupted.pth: '
            'continue with --resume.') in stopped.output
    assert files() == ['epoch_1.pth', 'interrupted.pth']
    again = start('--resume', fault='SIGTERM at 11').wait()
    assert again.code == _STOPPED, again.output
    assert load('w/interrupted.pth')['meta']['iter'] == 11
    killed = start('--resume', fault='SIGKILL at 14').wait()
    assert killed.code == -signal.SIGKILL
    ended = start('--resume').wait()
    assert ended.code == 0, ended.output
    # The last checkpoint was of 12 iterations; the 14th was not noted.
    assert iterations() == [*range(13), *range(12, 18)]
    whole, lines = trained('whole'), trained('w')
    assert lines[:12] + lines[13:] == whole and lines[12] == whole[12]
    assert_equal_end('whole', 'w')
    assert files() == ['epoch_2.pth', 'epoch_3.pth']


_BY_ITERATION = '''
train_cfg = dict(
    _delete_=True, type='IterBasedTrainLoop', max_iters=9, val_interval=99)
train_dataloader['sampler'] = dict(type='InfiniteSampler', shuffle=True)
default_hooks['checkpoint'].update(by_epoch=False, interval=4)
optim_wrapper['accumulative_counts'] = 2
'''


def test_iteration_based_with_accumulated_gradients(start):
    task = dict(more=_BY_ITERATION)
    assert start(work_dir='whole', **task).wait().code == 0
    # The 5th is the first half of an update, which is finished first.
    stopped = start(fault='SIGUSR1 at 5', workers=1, **task).wait()
    assert stopped.code == _STOPPED, stopped.output
    assert 'Stopped by SIGUSR1 after iteration 6' in stopped.output
    ended = start('--resume', workers=1, **task).wait()
    assert ended.code == 0, ended.output
    assert iterations() == [*range(9)]
    assert trained('w') == trained('whole')
    assert_equal_end('whole', 'w', 'iter_9.pth')


_EVALUATED = '''
val_cfg = dict()
val_evaluator = dict(type='ToyAccuracy')
val_dataloader = dict(
    batch_size=2, num_workers=2, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ToyDataset', data_root='data/toy', ann_file='labels.txt'))
test_dataloader = dict(val_dataloader, dataset=dict(
    type='DrawingDataset', data_root='data/toy', ann_file='labels.txt'))
'''
_SIGNALS = 'SIGTERM', 'SIGINT', 'SIGUSR1'


@pytest.mark.parametrize('name', _SIGNALS)
@pytest.mark.parametrize('place, kept', [
    ('at 8', ['epoch_1.pth', 'interrupted.pth']),
    ('evaluating', ['epoch_1.pth']),
])
def test_signal_to_the_workers_too(start, place, name, kept):
    stopped = start(
        fault=f'GROUP:{name} {place}', workers=2, more=_EVALUATED).wait()
    assert stopped.code == _STOPPED, stopped.output
    assert files() == kept
    assert load(f'w/{kept[-1]}')['meta']['iter'] == (8 if kept[1:] else 6)
    assert 'Traceback' not in stopped.output


def test_signal_to_a_test_and_its_workers(start, load_tool):
    assert start(workers=2, more=_EVALUATED, epochs=1).wait().code == 0
    for name in _SIGNALS:
        stopped = Forked(
            load_tool('test').main, ['small.py', 'w/epoch_1.pth'],
            f'GROUP:{name} testing',
            before=lambda: logging.disable(logging.NOTSET)).wait()
        assert stopped.code == _STOPPED, stopped.output
        assert f'Stopped by {name} while testing.\n' in stopped.output
        assert 'Traceback' not in stopped.output


@pytest.mark.slow
@pytest.mark.parametrize('name', _SIGNALS)
def test_signal_before_training(toy, tmp_path, tools, run, name):
    """While data sets are built, and nothing watches but the tool."""
    write_faulty_task(
        tmp_path, configs_folder() / '_base_' / 'default_runtime.py')
    done = run(tmp_path, sys.executable, tools / 'train.py', 'small.py',
               '--work-dir', 'w', FAULT=f'{name} at the start')
    assert done.returncode == _STOPPED, done.stderr
    assert done.stderr.endswith(
        f'\nStopped by {name} while nothing was trained, so that nothing is '
        'lost: start again, with --resume if there is a checkpoint.\n')


def test_ctrl_c_once_and_twice(start):
    once = start(fault='SIGINT at 3').wait()
    assert once.code == _STOPPED, once.output
    # Nothing can be finished here, so the second one must end it.
    twice = start('--resume', fault='hang at 5')
    twice.wait_for('hanging')
    os.kill(twice.pid, signal.SIGINT)
    twice.wait_for('SIGINT: stopping after this iteration')
    time.sleep(1.1)
    os.kill(twice.pid, signal.SIGINT)
    assert twice.wait().code == 130
    assert files() == ['interrupted.pth']
