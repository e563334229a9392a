"""The toy task with draws in data and model, and with faults on demand."""
import json
import os
import random
import resource
import signal
import subprocess
import time
from pathlib import Path
from typing import Dict, List, Optional

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS, MODELS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor
from toy_task import ToyClassifier, ToyDataset

CONFIG = '''
_base_ = 'toy.py'
custom_imports = dict(
    imports=['mmconvnextv2', 'toy_task', 'faulty_task'],
    allow_failed_imports=False)
model = dict(
    type='DroppingClassifier', backbone=dict(drop_path_rate=0.5))
train_dataloader = dict(
    num_workers={workers},
    persistent_workers={workers} > 0,
    dataset=dict(type='DrawingDataset'))
val_cfg = val_dataloader = val_evaluator = None
train_cfg = dict(
    _delete_=True, by_epoch=True, max_epochs={epochs})
param_scheduler = [dict(type='PolyLR', by_epoch=False, end={epochs} * 6)]
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.01))
default_hooks = {hooks!r}
randomness = dict(seed=5)
custom_hooks = [dict(type='EMAHook'), dict(type='mmengine.Fault')]
'''
# To be added, for an evaluation of each epoch that draws.
EVALUATED = '''
val_cfg = dict()
val_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='DrawingDataset', data_root='data/toy', ann_file='labels.txt'))
val_evaluator = dict(type='ToyAccuracy')
default_hooks['checkpoint'].update(save_best='accuracy')
default_hooks['preemption'].update(interval=1)
'''
_LABELS = '0\n1\n' * 6


def write_faulty_task(folder: Path,
                      base: Path,
                      workers: int = 0,
                      epochs: int = 3,
                      more: str = '') -> Path:
    """Write small.py beside toy.py; 12 images, 6 iterations an epoch."""
    (folder / 'data' / 'toy' / 'labels.txt').write_text(_LABELS)
    hooks = Config.fromfile(base).default_hooks.to_dict()
    hooks['logger'].update(interval=1)
    hooks['checkpoint'].update(save_best=None)
    hooks['seeding'].update(enabled=True)
    config = folder / 'small.py'
    config.write_text(
        CONFIG.format(hooks=hooks, workers=workers, epochs=epochs) + more)
    return config


@DATASETS.register_module(force=True)
class DrawingDataset(ToyDataset):
    """Adds noise from all three generators; its samples have names."""

    def load_data_list(self) -> List[dict]:
        name, _, place = os.environ.get('FAULT', '').partition(' ')
        if place == 'at the start':
            signal.raise_signal(signal.Signals[name])
        return super().load_data_list()

    def prepare_data(self, idx: int) -> Dict[str, Tensor]:
        if os.environ.get('FAULT') == f'worker exits at {idx}':
            os._exit(3)
        place = 'evaluating ' * self.test_mode
        if os.environ.get('FAULT') == f'worker sleeps {place}at {idx}':
            time.sleep(60)
        if os.environ.get('FAULT') == f'worker needs memory at {idx}':
            bytearray(2**60)
        data = super().prepare_data(idx)
        noise = random.random() + np.random.rand() + torch.rand(3, 16, 16)
        if os.environ.get('FAULT') == f'image {idx} is bad':
            noise[0, 0, 0] = float('nan')
        sample = BaseDataElement(metainfo=dict(img_path=f'image_{idx}.jpg'))
        return dict(data, inputs=data['inputs'] + noise, data_samples=sample)


@MODELS.register_module(force=True)
class DroppingClassifier(ToyClassifier):
    """The toy classifier, which is given more."""

    needs = 0  # bytes

    def forward(self, inputs, labels=None, data_samples=None, mode='tensor'):
        bytearray(self.needs)
        return super().forward(inputs, labels, mode)


@HOOKS.register_module(force=True)
class Fault(Hook):
    """Do what the variable FAULT says; tell where the run is.

    After iteration N, counted from 1, ``SIGNAL at N`` sends a signal to the
    process, ``GROUP:SIGNAL at N`` to its workers too, ``FULL at N`` forbids
    larger files and ``LOCK at N`` new files, ``MEMORY at N`` lets the next
    step ask for too much memory; with ``hang at N`` nothing
    happens any more. ``GROUP:SIGNAL evaluating`` sends one within an
    evaluation, or ``testing``; ``slow`` writes files a piece at a time.
    """

    def before_train(self, runner: Runner) -> None:
        rank = os.environ.get('FAULTY_RANK')
        self.fault = os.environ.get('FAULT', '')
        if rank is not None and int(rank) != get_rank() or int(
                os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)) > 1:
            self.fault = ''
        if self.fault == 'slow':
            LocalBackend.put = _put_slowly

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        words = self.fault.split()
        if words[1:] == ['at', str(runner.iter + 1)]:
            self.act(words[0], runner.work_dir)
        if get_rank():
            return
        names = [x.img_path for x in data_batch['data_samples']]
        with open(Path(runner.work_dir) / 'trained.txt', 'a') as file:
            file.write(json.dumps([runner.iter, names]) + '\n')

    def after_val_iter(self, runner: Runner, **kwargs) -> None:
        self._evaluate('evaluating')

    def after_test_iter(self, runner: Runner, **kwargs) -> None:
        self._evaluate('testing')

    def _evaluate(self, what: str) -> None:
        words = os.environ.get('FAULT', '').split()
        if words[1:] == [what]:
            self.act(words[0], '')

    def act(self, what: str, work_dir: str) -> None:
        if what == 'FULL':
            # Room for logs, which have 16 kB, not for checkpoints of 80 kB.
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**15, 2**15))
        elif what == 'LOCK':
            lock(work_dir)
        elif what == 'MEMORY':
            DroppingClassifier.needs = 2**60
        elif what == 'hang':
            print('hanging', flush=True)
            time.sleep(60)
        elif what.startswith('GROUP:'):
            # From outside, as schedulers do: PyTorch's workers obey a parent.
            subprocess.run(
                ['kill', '-s', what[9:], '--', f'-{os.getpgid(0)}'],
                start_new_session=True, check=True)
            time.sleep(0.5)  # So that PyTorch hears of workers that die.
        else:
            os.kill(os.getpid(), signal.Signals[what])


@HOOKS.register_module(force=True)
class Spoil(Hook):
    """Make the averaged weights NaN, and them alone."""

    def after_train_iter(self, runner: Runner, **kwargs) -> None:
        hook, = (x for x in runner.hooks if hasattr(x, 'ema_model'))
        hook.ema_model.module.head.bias.data.fill_(float('nan'))


def lock(folder: str) -> bool:
    """Forbid new files in a folder, to root too; says whether it could."""
    if os.geteuid():
        os.chmod(folder, 0o555)
        return True
    done = subprocess.run(['chattr', '+i', folder], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def unlock(folder: str) -> None:
    """Undo ``lock``."""
    if os.geteuid():
        os.chmod(folder, 0o755)
    else:
        subprocess.run(['chattr', '-i', folder], check=True)


def _put_slowly(self: LocalBackend, obj: bytes, filepath: str) -> None:
    with open(filepath, 'wb') as file:
        for start in range(0, len(obj), 4096):
            file.write(obj[start:start + 4096])
            file.flush()
            time.sleep(0.01)
