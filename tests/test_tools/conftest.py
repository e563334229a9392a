"""Tools loaded as modules, and run as users run them."""
import logging
import os
import subprocess
import sys
from pathlib import Path

import mmengine.runner.runner
import pytest
import torch
from faulty_task import write_faulty_task
from forked import Forked
from parallel_runs import Runs
from toy_task import write_toy_task

from mmconvnextv2.config.find import configs_folder, find_config
from mmconvnextv2.datasets import make_shapes


@pytest.fixture(scope='session')
def run():
    """Function that runs a command line in a folder outside the checkout."""

    def run_in(folder, *command, **variables):
        env = {
            **os.environ,
            'PYTHONPATH': os.pathsep.join([
                str(Path(__file__).parent),
                os.environ.get('PYTHONPATH', '')
            ]).rstrip(os.pathsep),
            'PYTHON': sys.executable,
            'OMP_NUM_THREADS': '1',
            **variables
        }
        return subprocess.run([str(word) for word in command],
                              cwd=folder,
                              env=env,
                              capture_output=True,
                              text=True)

    return run_in


@pytest.fixture
def tool_here(load_tool, tmp_path, monkeypatch):
    """Function that loads a tool, to be called in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def load(name, *options):
        main = load_tool(name).main
        return lambda *arguments: main(
            [str(x) for x in (*arguments, *options)])

    return load


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Path of the toy config; the present folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    return write_toy_task(tmp_path)


@pytest.fixture
def built(monkeypatch):
    """Configs that a loaded tool would have run, appended as it does."""
    configs = []

    class Recorder:

        logger = logging.getLogger('recorder')
        model = torch.nn.Identity()

        def __init__(self, cfg, splits, say):
            self.cfg = cfg
            self.test_evaluator = type('Evaluator', (), dict(metrics=[]))()
            configs.append(self)

        def train(self):
            self.ran = 'train'

        def test(self):
            self.ran = 'test'

    def attach(tool):
        monkeypatch.setattr(tool, 'build_runner', Recorder)
        return configs

    return attach


@pytest.fixture
def train(load_tool, built):
    """Function that runs train.py up to the runner; returns its config."""
    tool = load_tool('train')
    runners = built(tool)

    def run_train(*arguments):
        assert tool.main([str(x) for x in arguments]) == 0
        runner = runners.pop()
        assert runner.ran == 'train' and not runners
        return runner.cfg

    run_train.main = tool.main
    return run_train


@pytest.fixture
def start(toy, tmp_path, load_tool, monkeypatch):
    """Function that trains the faulty task in a process of its own."""
    # It asks compilers for their versions, for a second or more.
    monkeypatch.setattr(mmengine.runner.runner, 'collect_env', dict)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    main = load_tool('train').main
    hooks = configs_folder() / '_base_' / 'default_runtime.py'

    def run_forked(*options, fault='', work_dir='w', name=None, **task):
        write_faulty_task(tmp_path, hooks, **task)
        return Forked(
            main, ['small.py', '--work-dir', work_dir, *options],
            fault,
            # The log is what a user sees; the tests are set up without it.
            before=lambda: logging.disable(logging.NOTSET),
            name=name or f'{work_dir}.txt')

    return run_forked


@pytest.fixture(scope='session')
def parallel_shapes(tmp_path_factory):
    """Few shapes; those to evaluate on are no multiple of anything."""
    return make_shapes(
        tmp_path_factory.mktemp('data') / 'shapes',
        num_train=Runs.num_train,
        num_val=Runs.num_val)


@pytest.fixture
def parallel(tmp_path, parallel_shapes, tools, load_tool, run, monkeypatch):
    """Function that changes a config; returns what runs it in processes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mmengine.runner.runner, 'collect_env', dict)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'shapes').symlink_to(parallel_shapes)

    def write(name, changes):
        (tmp_path / 'small.py').write_text(
            f"_base_ = '{find_config(f'{name}.py')}'\n{changes}")
        return Runs(run, tools, load_tool('train').main)

    return write
