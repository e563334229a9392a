"""Many kills at random moments, and two processes that are stopped."""
import random
import signal
import time
from pathlib import Path

import pytest
from faulty_task import EVALUATED, write_faulty_task
from parallel_runs import free_port
from run_results import (
    assert_equal_end,
    files,
    iterations,
    load,
    logged,
)

from mmconvnextv2.config.find import configs_folder

_KILLS = 30
# An update is of more iterations than divide the 6 of an epoch.
_MORE = EVALUATED + 'optim_wrapper.update(accumulative_counts=4)\n'
_BASE = configs_folder() / '_base_' / 'default_runtime.py'


def _kill_until_done(start, moments, work_dir):
    """Train with kills in between; returns how many, in how many writes."""
    kills = writing = 0
    while True:
        # Writing a checkpoint takes about 0.2 s.
        run = start('--resume', fault='slow', work_dir=work_dir, more=_MORE)
        run.wait_for('Checkpoints will be saved')
        time.sleep(moments.uniform(0, 1.2))
        run.kill()
        ended = run.wait()
        if ended.code == 0:
            return kills, writing
        assert ended.code == -signal.SIGKILL, ended.output
        kills += 1
        print(f'killed {kills} times: {files(work_dir)}', flush=True)
        there = files(work_dir)
        writing += any(name.endswith('.part') for name in there)
        for name in there:
            if name.endswith('.pth'):
                saved = load(f'{work_dir}/{name}')
                assert name.endswith(f"epoch_{saved['meta']['epoch']}.pth")
        last = Path(work_dir) / 'last_checkpoint'
        assert not last.exists() or Path(last.read_text()).exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_many_times(start):
    assert start(work_dir='whole', more=_MORE).wait().code == 0
    moments = random.Random(0)
    kills = writing = rounds = 0
    while kills < _KILLS:
        rounds += 1
        counts = _kill_until_done(start, moments, f'w{rounds}')
        kills, writing = kills + counts[0], writing + counts[1]
        assert_equal_end('whole', f'w{rounds}')
        # Not one file of a killed run is left over.
        assert files(f'w{rounds}') == files('whole')
        figures = logged(f'w{rounds}', 'accuracy')
        assert figures == logged('whole', 'accuracy') and len(figures) == 3
        assert iterations(f'w{rounds}')[-1] == 17
    print(f'{kills} kills in {rounds} runs, {writing} within a write')
    assert writing >= 3


@pytest.mark.slow
def test_two_processes_stop_together(toy, tmp_path, tools, run):
    write_faulty_task(tmp_path, _BASE)

    def train(work_dir, *options, **variables):
        return run(
            tmp_path, 'bash', tools / 'dist_train.sh', 'small.py', 2,
            '--work-dir', work_dir, *options, '--cfg-options',
            'default_hooks.preemption.interval=2', CUDA_VISIBLE_DEVICES='',
            PORT=free_port(), **variables)

    # 3 iterations an epoch. Only the second process gets the signal.
    whole = train('whole')
    assert whole.returncode == 0, whole.stderr
    stopped = train('w', FAULT='SIGTERM at 3', FAULTY_RANK='1')
    assert stopped.returncode != 0
    assert load('w/interrupted.pth')['meta']['iter'] == 4
    resumed = train('w', '--resume')
    assert resumed.returncode == 0, resumed.stderr
    assert_equal_end('whole', 'w')
