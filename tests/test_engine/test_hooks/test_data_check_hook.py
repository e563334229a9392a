"""Data are checked in runs that none of our tools has started."""
import logging
import re
from pathlib import Path

import mmpretrain.datasets  # noqa: F401
import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.runner import Runner
from PIL import Image
from test_damaged_data_hook import MeanModel, NoMetric  # noqa: F401

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.engine.hooks import data_check_hook
from mmconvnextv2.errors import CommandError

_BASE = configs_folder() / '_base_' / 'default_runtime.py'


@pytest.fixture
def make_runner(tmp_path):
    """Function that makes a runner for folders of classes by split."""

    def make(make_one=Runner.from_cfg, **classes):
        loaders = {}
        for split, names in classes.items():
            for name in names:
                (tmp_path / split / name).mkdir(parents=True, exist_ok=True)
                Image.new('RGB', (4, 4)).save(
                    tmp_path / split / name / '0.png')
            loaders[f'{split}_dataloader'] = dict(
                batch_size=1, num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(
                    type='CustomDataset', data_root=str(tmp_path / split),
                    pipeline=[]))
        logging.disable(logging.NOTSET)
        hooks = Config.fromfile(_BASE).default_hooks
        return make_one(Config(dict(
            model=dict(type='mmengine.MeanModel'), **loaders,
            train_cfg=dict(by_epoch=True, max_epochs=1),
            work_dir=str(tmp_path / 'w'),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            val_cfg=dict(), val_evaluator=dict(type='NoMetric'),
            test_cfg=dict(), test_evaluator=dict(type='NoMetric'),
            default_hooks=dict(data_check=hooks.data_check, checkpoint=None),
            default_scope='mmpretrain', experiment_name=tmp_path.name)))

    return make


def fault(tmp_path, train, other):
    return re.escape(
        f'the data cannot be used, 1 faults:\n  {tmp_path / other}/: its '
        f'class folders are not those of {tmp_path / train}/, so that the same'
        ' label means another class; it lacks dog, and only it has ant')


def test_splits_of_training(make_runner, tmp_path):
    runner = make_runner(train=('cat', 'dog'), val=('ant', 'cat'),
                         test=('x', 'y'))
    with pytest.raises(CommandError, match=fault(tmp_path, 'train', 'val')):
        runner.train()
    assert runner.iter == 0


def test_evaluations_look_at_their_own_split(make_runner):
    splits = dict(train=('cat', 'dog'), val=('ant', 'cat'), test=('x', 'y'))
    assert make_runner(**splits).val() == dict(n=2)
    assert make_runner(**splits).test() == dict(n=2)


@pytest.mark.parametrize('make_one, is_checked', [
    (lambda cfg: Runner.from_cfg(cfg.to_dict()), True),
    (lambda cfg: Runner(**cfg), False),
    (lambda cfg: Runner(**cfg, cfg=dict(x=1)), False)])
def test_runners_made_without_a_file(make_runner, tmp_path, make_one,
                                     is_checked):
    runner = make_runner(make_one, train=('cat', 'dog'), val=('ant', 'cat'),
                         test=('x', ))
    if is_checked:
        with pytest.raises(CommandError, match=fault(tmp_path, 'train',
                                                     'val')):
            runner.train()
        return
    runner.train()
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert re.findall('WARNING - (The data.*)', log) == [
        'The data are not checked: train_dataloader, val_dataloader is not in '
        'the config that this runner was made with. Runner.from_cfg(cfg), or '
        'Runner(..., cfg=cfg), passes it on.']


def test_notes_stand_in_the_log(make_runner, monkeypatch):
    seen = []
    monkeypatch.setattr(data_check_hook, 'check_data', lambda *x: (
        seen.append(x), [[], ['3 are left out']])[1])
    runner = make_runner(train=('cat', 'dog'), val=('cat', 'dog'),
                         test=('cat', 'dog'))
    runner.train()
    assert seen == [(runner.cfg, ['train', 'val'])] and runner.iter == 2
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert re.findall(r'WARNING - (.*left out)', log) == ['3 are left out']


def _train(rank, make_runner, folder):
    dist.init_process_group('gloo', f'file://{folder}/store', rank=rank,
                            world_size=2)
    if rank:  # Only the first process reads.
        data_check_hook.check_data = None
    try:
        make_runner(train=('cat', 'dog'), val=('ant', 'cat'),
                    test=('x', )).train()
    except CommandError as error:
        (folder / f'{rank}.txt').write_text(str(error))


def test_every_process_fails(make_runner, tmp_path):
    torch.multiprocessing.start_processes(
        _train, (make_runner, tmp_path), 2, start_method='fork')
    for rank in range(2):
        assert re.fullmatch(fault(tmp_path, 'train', 'val'),
                            (tmp_path / f'{rank}.txt').read_text())
