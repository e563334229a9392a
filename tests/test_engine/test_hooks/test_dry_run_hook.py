"""Two images before the first epoch: what they tell, and that they leave
no trace."""
import logging
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, DefaultSampler
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from mmconvnextv2.engine import DryRunHook, PreemptionHook, SeedHook

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
        sample = BaseDataElement(metainfo=dict(
            img_path=f"{info['i']}.jpg", img_id=info['i']))
        return dict(inputs=torch.rand(3, 4, 4) + sum(self.kept[-9:]),
                    data_samples=sample)


class Model(BaseModel):

    def __init__(self, fault=''):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 2, 4),  # to one pixel, as UperNet's pooling does
            nn.BatchNorm2d(2), nn.Dropout())
        self.fault = fault
        self.register_buffer('count', torch.zeros(()))
        self.calls, self.history = 0, []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if self.fault == mode:
            raise RuntimeError('broken')
        found = self.layers(torch.stack(inputs))
        if mode == 'loss':
            self.count, self.calls = self.count + 1, self.calls + 1
            self.history.append(self.calls)
            return dict(loss=found.square().mean())
        return [dict(x=float(x.sum()), pred_score=x.flatten(),
                     gt_label=torch.zeros(1, dtype=int)) for x in found]


class Sum(BaseMetric):

    def process(self, data_batch, data_samples):
        self.results += [x['x'] for x in data_samples]

    def compute_metrics(self, results):
        assert len(results) == 5  # As metrics of others may need.
        return dict(x=sum(results), number=len(results))


class CocoMetric(Sum):
    """Writes a file, and counts on all images or those in ``img_ids``."""

    outfile_prefix, img_ids, seen = 'file', None, []

    def compute_metrics(self, results):
        self.seen.append((self.outfile_prefix, self.img_ids, len(results)))
        return {}


class Draws(Hook):
    """Draws predictions, as hooks of OpenMMLab do."""

    drawn = 0

    def after_val_iter(self, runner, **kwargs):
        self.drawn += 1


def _run(folder, hook, fault='', batch=2, metrics=(), workers=0, data=Data,
         sampler='DefaultSampler', hooks=()):
    SEEN.clear()
    torch.manual_seed(0)
    return Runner(
        Model(fault), str(folder),
        train_dataloader=dict(
            dataset=data(pipeline=[Crop()]), batch_size=batch,
            num_workers=workers, drop_last=True,
            sampler=sampler and dict(type=sampler, shuffle=True)),
        val_dataloader=dict(
            dataset=Data(pipeline=[Crop()], test_mode=True),
            batch_size=1, num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=2), val_cfg=dict(),
        val_evaluator=[dict(type=Sum, prefix='sum'), *metrics],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[PreemptionHook(), *hooks, hook], randomness=dict(seed=1),
        default_hooks=dict(checkpoint=None),
        cfg=dict(randomness=dict(seed=1)), experiment_name=folder.name)


def _state(runner):
    hub = runner.message_hub
    return dict(
        weights={k: x.tolist() for k, x in runner.model.state_dict().items()},
        plain=(runner.model.calls, runner.model.history),
        draws=(random.random(), np.random.rand(), torch.rand(1).item()),
        log={k: x.data[0].tolist() for k, x in hub.log_scalars.items()
             if 'time' not in k and 'memory' not in k})


@pytest.mark.parametrize('workers, hooks', [
    (0, []), (1, []), (1, [SeedHook(enabled=True)])])
def test_leaves_no_trace(tmp_path, workers, hooks):
    states = []
    for enabled in (False, True):
        runner = _run(tmp_path / f'run{workers}{len(hooks)}{enabled}',
                      DryRunHook(enabled=enabled), workers=workers,
                      hooks=hooks)
        runner.train()
        states.append(_state(runner))
        if enabled and not workers:  # Of training, then of evaluation.
            assert SEEN[:4] == [2, 3, 2, 3]
            assert len(SEEN) == 4 + 2 * (4 + 5)
            step, = runner.train_dataloader.dataset.pipeline.transforms
            assert len(step.kept) == 8
    assert states[0] == states[1]
    assert states[0]['plain'] == (4, [1, 2, 3, 4])
    assert states[0]['log']['val/sum/number'] == [5., 5.]


def test_writes_and_draws_nothing(tmp_path):
    drawing = Draws()
    CocoMetric.seen.clear()
    _run(tmp_path / 'run', DryRunHook(), hooks=[drawing],
         metrics=[dict(type=CocoMetric)]).train()
    assert CocoMetric.seen == [(None, [2, 3], 2), *2 * [('file', None, 5)]]
    assert drawing.drawn == 2 * 5


@pytest.mark.parametrize('options, error, action', [
    (dict(batch=1), ValueError, 'running a train step in the dry run of '
     '2.jpg'),
    (dict(fault='loss'), RuntimeError, 'running a train step in the dry run '
     'of 2.jpg, 3.jpg'),
    (dict(fault='predict'), RuntimeError, 'running a val step in the dry run '
     'of 2.jpg'),
    (dict(metrics=[dict(type='mmpretrain.Accuracy', topk=(1, 5))]),
     ValueError, 'running val_evaluator in the dry run of '
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


class OtherInfo(Dataset):

    def __init__(self, pipeline):
        self.data = Data(pipeline=pipeline)

    def __len__(self):
        return 4

    def __getitem__(self, idx):
        return self.data[idx]

    def get_data_info(self):
        """Say something else."""


class Opened(Data):

    def __getitem__(self, idx):
        assert get_worker_info(), 'a file that processes cannot share'
        return super().__getitem__(idx)


class Stream(OtherInfo, IterableDataset):

    def __iter__(self):
        return iter([self[x] for x in range(4)])


class Pairs(DefaultSampler):
    """Draws what belongs together."""

    def __iter__(self):
        return iter([(0, 1), (2, 3), (3, 4), (1, 2)])


class PairsData(Data):

    def __getitem__(self, idx):
        first, second = idx
        return super().__getitem__(first)


@pytest.mark.parametrize('options', [
    dict(data=OtherInfo), dict(data=Opened, workers=1),
    dict(data=Stream, sampler=None), dict(data=PairsData, sampler=Pairs)])
def test_what_two_images_cannot_do_for_is_left_out(tmp_path, options):
    file = tmp_path / 'results.pkl'
    hook = DryRunHook()
    runner = _run(tmp_path / options['data'].__name__, hook, metrics=[
        dict(type=DumpResults, out_file_path=str(file))], **options)
    runner.call_hook('before_run')
    runner.train()
    assert (runner.iter, hook.enabled, file.is_file()) == (4, False, True)
