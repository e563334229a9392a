"""Runs on images of which some are damaged."""
import logging
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from damaged_files import spoil
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS, DefaultScope
from mmengine.runner import Runner
from PIL import Image

from mmconvnextv2.datasets.damaged import DamagedDataError
from mmconvnextv2.engine.hooks import DamagedDataHook


@DATASETS.register_module(force=True)
class FolderOfImages(BaseDataset):

    def load_data_list(self):
        return [dict(img_path=str(x))
                for x in sorted(Path(self.data_root).glob('*.jpg'))]


@MODELS.register_module(force=True)
class MeanModel(BaseModel):

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs=None, mode='tensor', **kwargs):
        return dict(loss=self.weight**2) if mode == 'loss' else [0.]


@METRICS.register_module(force=True)
class NoMetric(BaseMetric):

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(n=len(results))


class Packed:
    """Keeps the path only."""

    def __call__(self, results):
        return dict(inputs=torch.zeros(1), path=results['img_path'])


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f'{i}.jpg')
    return folder


@pytest.fixture
def make_runner(tmp_path, images):
    """Function that makes a runner whose log is written."""

    def make(workers=0, val=False, by_epoch=True, **hook):
        dataset = dict(
            type='FolderOfImages', data_root=str(images), data_prefix=dict(),
            pipeline=[dict(type='LoadImageFromFile'), Packed()])
        loader = dict(
            batch_size=2, num_workers=workers, persistent_workers=workers > 0,
            sampler=dict(
                type='DefaultSampler' if by_epoch else 'InfiniteSampler',
                shuffle=True),
            dataset=dataset)
        train_cfg = dict(by_epoch=True, max_epochs=2) if by_epoch else dict(
            by_epoch=False, max_iters=8, val_interval=4)
        evaluation = dict(
            val_dataloader=dict(loader, sampler=dict(
                type='DefaultSampler', shuffle=False)),
            val_cfg=dict(),
            val_evaluator=dict(type='NoMetric')) if val else {}
        with DefaultScope.overwrite_default_scope('mmcv'):
            return Runner(
                model=dict(type='mmengine.MeanModel'),
                work_dir=str(tmp_path / 'w'),
                train_dataloader=loader,
                train_cfg=train_cfg,
                optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
                default_hooks=dict(checkpoint=None),
                custom_hooks=[dict(type='mmconvnextv2.DamagedDataHook',
                                   **hook)],
                default_scope='mmcv',
                experiment_name=f'damaged_{tmp_path.name}_{val}',
                **evaluation)

    logging.disable(logging.NOTSET)
    return make


def log_lines(runner):
    """What the log says of damage, without the time."""
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    return re.findall(r'WARNING - (Damaged.*)', log)


def test_summary_of_each_epoch(make_runner, images):
    spoil(images / '3.jpg', 'empty')
    spoil(images / '5.jpg', 'corrupt')
    runner = make_runner(workers=2)
    runner.train()
    *named, first, second, last = log_lines(runner)
    assert sorted(named) == [
        f'Damaged, left out of training: {images}/3.jpg: the file is empty',
        f'Damaged, left out of training: {images}/5.jpg: it cannot be '
        f'used (AssertionError: failed to load image: {images}/5.jpg)',
    ]
    pattern = (r'Damaged files (.*): 2, in whose place another sample was '
               r'drawn (\d+) times \(\+(\d+)\). They are listed in '
               rf'{runner.log_dir}/damaged_rank\*.jsonl.$')
    when, total, more = zip(*(re.match(pattern, x).groups()
                              for x in (first, second, last)))
    assert when == ('so far', 'so far', 'in the whole run')
    total, more = [int(x) for x in total], [int(x) for x in more]
    # Each epoch meets both, and may draw them again in their place.
    assert total[0] >= 2 and more == [total[0], total[1] - total[0], 0]
    assert more[1] >= 2 and total[2] == total[1]


def test_run_by_iterations(make_runner, images):
    runner = make_runner(by_epoch=False, val=True)
    runner.train()
    assert log_lines(runner) == []  # All files are whole.
    spoil(images / '0.jpg', 'empty')
    runner = make_runner(workers=1, by_epoch=False)
    runner.train()
    lines = log_lines(runner)
    assert lines[0] == (f'Damaged, left out of training: {images}/0.jpg: the '
                        'file is empty')
    assert lines[-1].startswith('Damaged files in the whole run: 1, ')


@pytest.mark.parametrize('workers', [0, 1])
def test_evaluation_leaves_nothing_out(make_runner, images, workers):
    spoil(images / '6.jpg', 'empty')
    runner = make_runner(workers=workers, val=True)
    with pytest.raises(DamagedDataError) as caught:
        runner.train()
    assert caught.value.reason == (
        f'{images}/6.jpg: the file is empty. An evaluation leaves nothing '
        'out, for its figures would not be comparable: repair the file, or '
        'take it out of the data set.')
    assert log_lines(runner)[-1].startswith('Damaged files so far: 1, ')


def test_max_in_a_row_is_positive():
    with pytest.raises(ValueError, match='max_in_a_row must be positive, got'
                       ' 0'):
        DamagedDataHook(max_in_a_row=0)
