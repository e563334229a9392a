"""Two images before the first epoch: what they tell, and that they leave
no trace."""
import logging
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn

from mmconvnextv2.engine import DryRunHook

SIDES = {0: 9, 1: 8, 2: 4, 3: 9, 4: 9}  # of the images, by index
SEEN = []  # by either pipeline, and by copies of them
OBJECTS = {0: 2, 1: 1, 2: 3, 3: 0, 4: 2}


class Data(BaseDataset):

    def load_data_list(self):
        return [dict(height=9, width=side, instances=[0] * OBJECTS[i], i=i)
                for i, side in SIDES.items()]


class Crop:
    """A step that draws from all generators, and keeps what it has seen."""

    def __init__(self):
        self.kept = []

    def __call__(self, info):
        SEEN.append(info['i'])
        self.kept.append(random.random() + np.random.rand())
        sample = BaseDataElement(metainfo=dict(img_path=f"{info['i']}.jpg"))
        return dict(inputs=torch.rand(3, 4, 4) + sum(self.kept[-9:]),
                    data_samples=sample)


class Model(BaseModel):

    def __init__(self, fault=''):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 2, 4),  # to one pixel, as UperNet's pooling does
            nn.BatchNorm2d(2), nn.Dropout())
        self.fault = fault

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if self.fault == mode:
            raise RuntimeError('broken')
        found = self.layers(torch.stack(inputs))
        if mode == 'loss':
            return dict(loss=found.square().mean())
        return [dict(x=float(x.sum())) for x in found]


class Sum(BaseMetric):

    def __init__(self, fault=False):
        super().__init__(prefix='sum')
        self.fault = fault

    def process(self, data_batch, data_samples):
        self.results += [x['x'] for x in data_samples]

    def compute_metrics(self, results):
        if self.fault:
            raise IndexError('no such class')
        return dict(x=sum(results), number=len(results))


def _run(folder, hook, fault='', batch=2, metric=False, workers=0):
    SEEN.clear()
    torch.manual_seed(0)
    return Runner(
        Model(fault), str(folder),
        train_dataloader=dict(
            dataset=Data(pipeline=[Crop()]), batch_size=batch,
            num_workers=workers, drop_last=True,
            sampler=dict(type='DefaultSampler', shuffle=True)),
        val_dataloader=dict(
            dataset=Data(pipeline=[Crop()], test_mode=True),
            batch_size=1, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=2), val_cfg=dict(),
        val_evaluator=dict(type=Sum, fault=metric),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[hook], randomness=dict(seed=1),
        default_hooks=dict(checkpoint=None),
        experiment_name=folder.name)


def _state(runner):
    hub = runner.message_hub
    return dict(
        weights={k: x.tolist() for k, x in runner.model.state_dict().items()},
        draws=(random.random(), np.random.rand(), torch.rand(1).item()),
        log={k: x.data[0].tolist() for k, x in hub.log_scalars.items()
             if 'time' not in k and 'memory' not in k})


@pytest.mark.parametrize('workers', [0, 1])
def test_leaves_no_trace(tmp_path, workers):
    states = []
    for enabled in (False, True):
        runner = _run(tmp_path / f'run{workers}{enabled}',
                      DryRunHook(enabled=enabled), workers=workers)
        runner.train()
        states.append(_state(runner))
        if enabled and not workers:  # Of training, then of evaluation.
            assert SEEN[:4] == [2, 3, 2, 3]
            assert len(SEEN) == 4 + 2 * (4 + 5)
            step, = runner.train_dataloader.dataset.pipeline.transforms
            assert len(step.kept) == 8
    assert states[0] == states[1]
    assert states[0]['log']['val/sum/number'] == [5., 5.]


@pytest.mark.parametrize('options, error, action', [
    (dict(batch=1), ValueError, 'running a train step in the dry run of '
     '2.jpg'),
    (dict(fault='loss'), RuntimeError, 'running a train step in the dry run '
     'of 2.jpg, 3.jpg'),
    (dict(fault='predict'), RuntimeError, 'running a val step in the dry run '
     'of 2.jpg'),
    (dict(metric=True), IndexError, 'running val_evaluator in the dry run of '
     '2.jpg, 3.jpg'),
])
def test_what_fails_is_told_before_the_first_epoch(
        tmp_path, monkeypatch, options, error, action):
    logging.disable(logging.NOTSET)
    runner = _run(tmp_path / error.__name__, DryRunHook(), **options)
    told = []
    monkeypatch.setattr(runner.logger, 'error', told.append)
    with pytest.raises(error):
        runner.train()
    assert runner.iter == 0
    assert told == [
        f'Failed while {action} before the first epoch; no training is lost. '
        'To begin without the dry run: default_hooks.dry_run.enabled=False']
