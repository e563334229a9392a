"""What train.py says when a run breaks, and what is left of it."""
import re
import signal
import subprocess
from pathlib import Path

import pytest
from faulty_task import EVALUATED, lock, unlock, write_faulty_task
from forked import Forked
from parallel_runs import free_port
from run_results import files, load

from mmconvnextv2.config.find import configs_folder

_LAST = r'The last good checkpoint is \S*w/epoch_1.pth; --resume continues '\
    r'there.\n'
_STALL = "default_hooks['stall'].update(seconds={})"


def test_worker_that_sleeps(start):
    # Image 5 is in the 4th batch, so in the second one of worker 1.
    stalled = start(fault='worker sleeps at 5', workers=2,
                    more=_STALL.format(2)).wait()
    assert stalled.code == 1
    assert re.search(
        r'\nStopped: process 0 \(of 1, pid \d+ on \S+\) has been reading '
        r'train_dataloader, waiting for worker 1 for 2 s, at iteration 4\. '
        r'For more time: default_hooks.stall.seconds=N\.\n\nThere is no '
        r'checkpoint yet\.\n', stalled.output), stalled.output


_EVALUATED = EVALUATED + """
val_dataloader.update(num_workers=2)
val_dataloader['dataset'].update(test_mode=True)
test_dataloader, test_evaluator, test_cfg = val_dataloader, val_evaluator, {}
"""


@pytest.mark.slow
def test_worker_that_sleeps_in_an_evaluation_and_a_test(start, load_tool):
    fault, more = 'worker sleeps evaluating at 5', _STALL.format(2)
    trained = start(fault=fault, more=_EVALUATED + more).wait()
    tested = Forked(
        load_tool('test').main,
        ['small.py', 'w/epoch_1.pth', '--work-dir', 'w'], fault).wait()
    for ended, split, iteration in (trained, 'val', 7), (tested, 'test', 1):
        assert ended.code == 1, ended.output
        assert re.search(
            rf'\nStopped: process 0 \(of 1, pid \d+ on \S+\) has been reading '
            rf'{split}_dataloader, waiting for worker 0 for 2 s, at iteration '
            rf'{iteration}\. .*\n\n{_LAST}', ended.output), ended.output


@pytest.mark.slow
@pytest.mark.parametrize('fault, doing, workers', [
    ('MEMORY at 9', 'running .*', 0),
    ('worker needs memory at 7', 'reading train_dataloader', 2)])
def test_memory_that_runs_out(start, fault, doing, workers):
    short = start(fault=fault, workers=workers).wait()
    assert short.code == 1
    left = 'There is no checkpoint yet.\n' if workers else _LAST
    assert re.search(
        rf'\nFailed while {doing}\. Memory ran out: lower batch_size or '
        rf'num_workers\. {left}Traceback', short.output), short.output
    assert start('--resume').wait().code == 0
    assert files() == ['epoch_2.pth', 'epoch_3.pth']


@pytest.fixture
def start_two(toy, load_tool, tmp_path):
    """Function that trains in two processes, of which one has a fault."""

    def start_both(fault, more):
        hooks = configs_folder() / '_base_' / 'default_runtime.py'
        write_faulty_task(tmp_path, hooks, more=more)
        port = free_port()
        return [Forked(
            load_tool('train').main,
            ['small.py', '--work-dir', 'w', '--launcher', 'pytorch'], fault,
            name=f'rank_{rank}.txt', RANK=str(rank), LOCAL_RANK=str(rank),
            WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=port,
            FAULTY_RANK='1', CUDA_VISIBLE_DEVICES='') for rank in range(2)]

    return start_both


def test_process_that_hangs(start_two):
    # 3 iterations an epoch. The other has come to the next step, and waits;
    # on a busy machine it may see the end of the first before its own time.
    other, hung = start_two('hang at 5', _STALL.format(3))
    stopped = (r'\nStopped: process {} \(of 2, pid {} on \S+\) has been '
               r'running a train step for 3 s, at iteration {}\. For more '
               r'time: \S+\n\n' + _LAST)
    named = rf'Ended before this one: process 1 \(pid {hung.pid}\)\.'
    for process, expected in (
            (hung, stopped.format(1, hung.pid, 5)),
            (other, stopped.format(0, other.pid, 6) + '|' + named)):
        ended = process.wait()
        assert ended.code == 1
        assert re.search(expected, ended.output), ended.output


def test_process_that_is_killed_is_named_by_the_other(start_two):
    other, killed = start_two('SIGKILL at 5', '')
    assert killed.wait().code == -signal.SIGKILL
    ended = other.wait()
    assert ended.code == 1
    assert re.search(
        r'\nFailed while running a train step\. Ended before this one: '
        rf'process 1 \(pid {killed.pid}\)\. Look for its message, or for a '
        rf'kill by the system \(dmesg\)\. {_LAST}', ended.output), ended.output


def test_two_runs_in_one_work_dir(start):
    first = start(fault='hang at 7')
    first.wait_for('hanging')
    # Its log goes to another file.
    for option in ('--resume', '--overwrite'):
        second = start(option, name='second.txt').wait()
        assert second.code == 2
        assert re.search(
            rf'\ntrain.py: \S*w is in use by another run, process {first.pid} '
            r'on \S+ since .*\. Wait until it ends, or choose another '
            '--work-dir. If there is no such process any more, remove '
            r'\S*w/.lock\n$', second.output), second.output
    first.kill()
    first.wait()
    ended = start('--resume').wait()
    assert ended.code == 0, ended.output
    assert f'process {first.pid} on ' in ended.output


def test_worker_that_dies(start):
    died = start(fault='worker exits at 7', workers=2).wait()
    assert died.code == 1
    line, _, rest = died.output.partition(' There is no checkpoint yet.\n')
    assert 'Failed while ' in line.splitlines()[-1]
    assert rest.startswith('Traceback (most recent call last):\n')
    # Its connections may break off before PyTorch hears that it is dead.
    assert re.search(
        r'RuntimeError: DataLoader worker \(pid|Connection\w*Error|EOFError|'
        'FileNotFoundError', rest)


@pytest.mark.parametrize('fault, reason', [
    ('FULL at 9', 'File too large'),
    ('LOCK at 9', '(Operation not permitted|Permission denied)'),
])
def test_checkpoint_that_cannot_be_written(start, fault, reason):
    Path('w').mkdir()
    if not lock('w'):
        pytest.skip('cannot forbid root to write on this file system')
    unlock('w')
    try:
        broken = start(fault=fault).wait()
    finally:
        unlock('w')
    assert broken.code == 1
    assert re.search(
        r'\ntrain.py: epoch_2.pth could not be written: ' + reason +
        r'. The last good checkpoint is \S*/w/epoch_1.pth: remove the '
        'obstacle and continue from there with --resume.\n$', broken.output)
    assert 'Traceback' not in broken.output
    assert files() == ['epoch_1.pth']
    assert load('w/epoch_1.pth')['meta']['iter'] == 6
    ended = start('--resume').wait()
    assert ended.code == 0, ended.output
    assert files() == ['epoch_2.pth', 'epoch_3.pth']


def test_disk_that_is_full(start):
    Path('w').mkdir()
    # Two checkpoints of 84 kB and a log fit, a third does not.
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=240k', 'none', 'w']
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip('only root may mount a small disk')
    try:
        full = start().wait()
        assert full.code == 1
        assert re.search(
            r'epoch_3.pth could not be written: No space left on device \(\d+ '
            r'MiB free\). The last good checkpoint is \S*/w/epoch_2.pth',
            full.output)
        assert files() == ['epoch_1.pth', 'epoch_2.pth']
        for name in files():
            assert load(f'w/{name}')['state_dict']
    finally:
        subprocess.run(['umount', '-l', 'w'], check=True)


def test_work_dir_that_cannot_be_written(toy, train, tmp_path, capsys):
    (tmp_path / 'a').write_text('a file')
    assert train.main([str(toy), '--work-dir', 'a/run']) == 2
    assert capsys.readouterr().err == (
        'train.py: the work dir a/run cannot be written to: Not a directory '
        '(a/run). Choose another --work-dir, or change what is in the way.\n')
    (tmp_path / 'w').mkdir()
    if not lock('w'):
        pytest.skip('cannot forbid root to write on this file system')
    try:
        assert train.main([str(toy), '--work-dir', 'w']) == 2
    finally:
        unlock('w')
    assert re.match(
        'train.py: the work dir w cannot be written to: (Operation not '
        r'permitted|Permission denied) \(', capsys.readouterr().err)


def test_loss_that_is_not_finite(start):
    # Image 7 is in the 5th batch of the 1st epoch, the 3rd of the last.
    stopped = start(fault='image 7 is bad').wait()
    assert stopped.code == 1
    assert ('\ntrain.py: Stopped: a gradient is not finite at epoch 1, '
            'iteration 5. Batch: image_8.jpg, image_7.jpg. It began in the '
            'images or annotations of the batch. The parameters are those '
            'before this step. What to try: ') in stopped.output
    assert stopped.output.endswith('There is no checkpoint yet.\n')
    option = ['--overwrite', '--cfg-options']
    skipped = start(
        *option, 'default_hooks.non_finite.max_skips=3',
        fault='image 7 is bad').wait()
    assert skipped.code == 0, skipped.output
    assert skipped.output.count('Skipped step') == 3
    assert 'Skipped step (3 of 3): a gradient is not finite at epoch 3, ' \
        'iteration 15. Batch: image_7.jpg, image_9.jpg.' in skipped.output
    for name, value in load('w/epoch_3.pth')['state_dict'].items():
        assert value.isfinite().all(), name
    too_many = start(
        *option, 'default_hooks.non_finite.max_skips=1',
        fault='image 7 is bad').wait()
    assert too_many.code == 1
    assert 'train.py: Stopped after 1 skipped steps: ' in too_many.output
    assert too_many.output.endswith(
        ' w/epoch_1.pth; --resume continues there.\n')
