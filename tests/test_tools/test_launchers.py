import pickle

import pytest
from faulty_task import write_faulty_task
from parallel_runs import free_port
from run_results import assert_equal_end

from mmconvnextv2.config.find import configs_folder


@pytest.fixture
def launch(tmp_path, tools, run):
    """Function that runs a script of the tools."""

    def launch_script(script, *arguments, **variables):
        return run(tmp_path, 'bash', tools / script, *arguments, **variables)

    return launch_script


@pytest.mark.parametrize('script, words', [
    ('dist_train.sh', 'CONFIG GPUS [arguments of train.py]'),
    ('dist_test.sh', 'CONFIG CHECKPOINT GPUS [arguments of test.py]'),
    ('slurm_train.sh',
     'PARTITION JOB_NAME CONFIG WORK_DIR [arguments of train.py]'),
    ('slurm_test.sh',
     'PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of test.py]'),
])
def test_usage_is_told_if_arguments_are_missing(launch, script, words):
    told = launch(script, 'config.py')
    assert told.returncode == 2
    assert words in told.stderr.splitlines()[0]


@pytest.fixture
def stand_in(tmp_path):
    """Program that prints its arguments, one a line, then some variables."""
    path = tmp_path / 'bin' / 'srun'
    path.parent.mkdir()
    path.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n'
                    'echo "PYTHONPATH=$PYTHONPATH"\n')
    path.chmod(0o755)
    return path


def test_dist_train_hands_everything_on(launch, tools, stand_in):
    variables = dict(
        NNODES='2', NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='4')
    done = launch('dist_train.sh', 'my config.py', 3, '--cfg-options',
                  'a="[1, 2]"', PYTHON=str(stand_in), **variables)
    assert done.stdout.splitlines() == [
        '-m', 'torch.distributed.run', '--nnodes=2', '--node_rank=1',
        '--master_addr=10.0.0.1', '--master_port=4', '--nproc_per_node=3',
        f'{tools}/train.py', 'my config.py', '--launcher', 'pytorch',
        '--cfg-options', 'a="[1, 2]"',
        f'PYTHONPATH={tools}/..:{tools.parent}/tests/test_tools'
    ]


def test_restarts_share_no_store_and_resume(launch, stand_in):
    refused = launch('dist_train.sh', 'c.py', 2, MAX_RESTARTS='3')
    assert (refused.returncode, refused.stderr) == (
        2, 'MAX_RESTARTS: the processes that are started again need '
        '--resume\n')
    stand_in.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n'
                        'echo $TORCH_DISABLE_SHARE_RDZV_TCP_STORE\n')
    done = launch('dist_train.sh', 'c.py', 2, '--resume', MAX_RESTARTS='3',
                  PYTHON=str(stand_in), MASTER_ADDR='10.0.0.1', PORT='4')
    words = done.stdout.splitlines()
    assert words[6:11] == [
        '--nproc_per_node=2', '--max-restarts=3', '--rdzv-backend=c10d',
        '--rdzv-endpoint=10.0.0.1:4', '--rdzv-id=4'] and words[-1] == '1'


@pytest.mark.slow
def test_processes_started_again_resume(toy, tmp_path, launch):
    # 3 iterations an epoch; the 5th kills a process twice.
    hooks = configs_folder() / '_base_' / 'default_runtime.py'
    write_faulty_task(tmp_path, hooks)
    arguments = 'dist_train.sh', 'small.py', 2, '--resume', '--work-dir'
    variables = dict(CUDA_VISIBLE_DEVICES='')
    whole = launch(*arguments, 'whole', PORT=free_port(), **variables)
    assert whole.returncode == 0, whole.stderr
    done = launch(*arguments, 'w', PORT=free_port(), MAX_RESTARTS='3',
                  FAULT='SIGKILL at 5', FAULTY_RANK='1', **variables)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert said.count('Ended before this one: process 1 (pid ') == 2
    assert said.count('resumed epoch: 1, iter: 3') == 2
    assert_equal_end(tmp_path / 'whole', tmp_path / 'w')


def test_slurm_train_hands_everything_on(launch, tools, stand_in):
    variables = dict(
        PATH=f'{stand_in.parent}:/usr/bin:/bin',
        GPUS='4',
        SRUN_ARGS='--time=1:00 --mem=8G')
    done = launch('slurm_train.sh', 'part', 'a job', 'my config.py', 'my dir',
                  '--cfg-options', 'a="[1, 2]"', PYTHON='python3', **variables)
    assert done.stdout.splitlines()[:-1] == [
        '-p', 'part', '--job-name=a job', '--gres=gpu:4', '--ntasks=4',
        '--ntasks-per-node=4', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        '--time=1:00', '--mem=8G', 'python3', '-u', f'{tools}/train.py',
        'my config.py', '--work-dir=my dir', '--launcher=slurm',
        '--cfg-options', 'a="[1, 2]"'
    ]


@pytest.mark.parametrize('variables, expected', [
    (dict(), ['--gres=gpu:8', '--ntasks=8', '--ntasks-per-node=8']),
    (dict(GPUS='16'), ['--gres=gpu:8', '--ntasks=16', '--ntasks-per-node=8']),
    (dict(GPUS='8', GPUS_PER_NODE='4'),
     ['--gres=gpu:4', '--ntasks=8', '--ntasks-per-node=4']),
])
def test_slurm_test_counts_gpus(launch, tools, stand_in, variables, expected):
    path = f'{stand_in.parent}:/usr/bin:/bin'
    done = launch('slurm_test.sh', 'part', 'job', 'c.py', 'w.pth', '--tta',
                  PATH=path, PYTHON='python3', **variables)
    words = done.stdout.splitlines()[:-1]
    assert words[3:6] == expected
    assert words[8:] == [
        'python3', '-u', f'{tools}/test.py', 'c.py', 'w.pth',
        '--launcher=slurm', '--tta'
    ]


@pytest.mark.slow
def test_two_processes_train_and_evaluate_over_gloo(toy, tmp_path, launch):
    trained = launch('dist_train.sh', 'toy.py', 2, '--work-dir', 'w',
                     CUDA_VISIBLE_DEVICES='', PORT=free_port())
    assert trained.returncode == 0, trained.stderr
    # 4 images, 2 processes, 2 images each: one iteration an epoch.
    assert 'Epoch(train) [1][1/1]' in trained.stderr + trained.stdout
    assert trained.stdout.count('No GPU found') == 1
    tested = launch('dist_test.sh', 'toy.py', 'w/epoch_1.pth', 2, '--out',
                    'o.pkl', CUDA_VISIBLE_DEVICES='', PORT=free_port())
    assert tested.returncode == 0, tested.stderr
    results = pickle.loads((tmp_path / 'o.pkl').read_bytes())
    assert [sample['label'] for sample in results] == [0, 1, 0, 1]
