"""Data sets of others, evaluated in their layouts by the recipes' metrics."""
import copy
from collections import Counter

import pytest
import torch
from config_run import LEAVES
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from one_step import SIDE, reduce

_DETECTORS = dict(
    fasterrcnn_convnextv2_t_sardet='coco/bbox_mAP',
    fasterrcnn_convnextv2_t_sar_aircraft='pascal_voc/mAP')


@pytest.fixture
def make_runner(folder, monkeypatch):
    """Function that makes a runner that tests a recipe's reduced model."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(Config, 'pretty_text', '')

    def make(name):
        cfg = Config.fromfile(LEAVES[name])
        kept = {x: copy.deepcopy(cfg[f'test_{x}'])
                for x in ('cfg', 'dataloader', 'evaluator')}
        kept['dataloader'].update(num_workers=0, persistent_workers=False)
        for step in kept['dataloader'].dataset.pipeline:
            if step.type == 'Resize':
                step.scale = (SIDE, SIDE)
            elif step.type == 'CenterCrop':
                step.crop_size = SIDE
        reduce(cfg, folder / f'{name}_tested')
        for key, part in kept.items():
            cfg[f'test_{key}'] = part
        return Runner.from_cfg(cfg)

    return make


def test_birds(make_runner):
    runner = make_runner('convnextv2_t_ft_cub')
    labels = [x['gt_label']
              for x in runner.test_loop.dataloader.dataset.load_data_list()]
    assert len(labels) == 2 and labels[0] != labels[1]
    head = runner.model.head.fc
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(-torch.arange(200))
        head.bias[labels[1]] = 1
    metrics = runner.test()
    assert metrics['accuracy/top1'] == 50
    # Behind that come the first four classes.
    assert metrics['accuracy/top5'] == 50 + 50 * (labels[0] < 4)


def shown(runner, change):
    """Evaluate true boxes, changed, as if they were found."""
    loop = runner.test_loop
    for batch in loop.dataloader:
        samples = batch['data_samples']
        for sample in samples:
            truth = sample.gt_instances
            boxes = getattr(truth.bboxes, 'tensor', truth.bboxes)
            kept = change(truth.labels)
            sample.pred_instances = InstanceData(
                bboxes=boxes[kept], labels=truth.labels[kept],
                scores=torch.ones(int(kept.sum())))
        loop.evaluator.process(data_samples=samples, data_batch=batch)
    return loop.evaluator.evaluate(len(loop.dataloader.dataset))


@pytest.mark.parametrize('name, key', _DETECTORS.items())
def test_detectors(make_runner, name, key):
    runner = make_runner(name)
    found = runner.test()[key]
    assert 0 <= found < 0.5  # of an untrained model
    assert shown(runner, lambda x: x >= 0)[key] == pytest.approx(1)


def test_mean_ap_of_aircraft_is_that_of_voc_2007(make_runner):
    runner = make_runner('fasterrcnn_convnextv2_t_sar_aircraft')
    runner.test()
    total, kept = Counter(), Counter()

    def every_other(labels):
        chosen = []
        for label in labels.tolist():
            total[label] += 1
            chosen.append(total[label] % 2 == 1)
        kept.update(labels[torch.tensor(chosen)].tolist())
        return torch.tensor(chosen)

    metrics = shown(runner, every_other)
    # Of 11 recalls, 0 to 1, those that are reached have a precision of 1.
    expected = [(10 * kept[x] // total[x] + 1) / 11 for x in total]
    assert any(kept[x] < total[x] for x in total)
    assert metrics['pascal_voc/mAP'] == pytest.approx(
        sum(expected) / len(expected), abs=1e-3)
