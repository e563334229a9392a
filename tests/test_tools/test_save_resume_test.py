"""Each task on the shapes: trained, saved, resumed and tested by the tools.

On the classic stack this needs the bridge over MMEngine's loading.
"""
import json
import math
import pickle

import pytest
from mmengine.runner import CheckpointLoader

from mmconvnextv2.datasets import make_shapes

# The fewest of which each class has one.
_IMAGES = 6
_VAL_IMAGES = 5
_STEPS = _IMAGES // 2  # of an epoch
# Config: (how its length is given, unit of that in names of checkpoints, steps
# in a unit, metric).
_TASKS = {
    'maskrcnn_convnextv2_a_shapes':
    ('max_epochs', 'epoch', _STEPS, 'coco/segm_mAP_50'),
    'upernet_convnextv2_a_shapes': ('max_iters', 'iter', 1, 'mIoU'),
    'convnextv2_a_ft_shapes':
    ('max_epochs', 'epoch', _STEPS, 'accuracy/top1'),
    'fcmae_convnextv2_a_shapes': ('max_epochs', 'epoch', _STEPS, None),
}
_LOADERS = [
    f'{key}_dataloader.{option}' for key in ('train', 'val', 'test')
    for option in ('num_workers=0', 'persistent_workers=False')
]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('tasks')
    make_shapes(
        path / 'data' / 'shapes', num_train=_IMAGES, num_val=_VAL_IMAGES)
    return path


def _training(name, length, *options):
    key = _TASKS[name][0]
    return [
        name, '--no-validate', '--work-dir', name, *options, '--cfg-options',
        f'train_cfg.{key}={length}', 'train_dataloader.batch_size=2',
        'default_hooks.checkpoint.interval=1',
        f'experiment_name={name}_{length}', *_LOADERS[:2]
    ]


def _losses(path):
    """Training's losses that a checkpoint remembers, step by step."""
    content = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    return content['message_hub']['log_scalars']['train/loss'].data[0]


@pytest.mark.parametrize('name', _TASKS)
def test_save_resume_test(folder, monkeypatch, load_tool, name):
    monkeypatch.chdir(folder)
    _, unit, steps, metric = _TASKS[name]
    train = load_tool('train').main
    assert train(_training(name, 1)) == 0
    first = _losses(folder / name / f'{unit}_1.pth')
    assert train(_training(name, 2, '--resume')) == 0
    both = _losses(folder / name / f'{unit}_2.pth')
    assert len(first) == steps and len(both) == 2 * steps
    assert both[:steps].tolist() == first.tolist()
    assert all(math.isfinite(x) for x in both)
    if metric is None:
        return
    loaders = [f'experiment_name={name}_test', *_LOADERS[4:]]
    arguments = [name, f'{name}/{unit}_2.pth', '--out', f'{name}.pkl']
    if name.startswith('maskrcnn'):
        arguments += ['--show-dir', 'pictures']
    assert load_tool('test').main(
        [*arguments, '--work-dir', name, '--cfg-options', *loaders]) == 0
    results = pickle.loads((folder / f'{name}.pkl').read_bytes())
    assert len(results) == _VAL_IMAGES
    if name.startswith('maskrcnn'):
        assert all(mask.keys() == {'size', 'counts'} for sample in results
                   for mask in sample['pred_instances']['masks'])
        pictures = (folder / 'pictures').glob('*')
        assert len(list(pictures)) == _VAL_IMAGES
    (written, ) = (folder / name).glob('*/*.json')
    assert math.isfinite(json.loads(written.read_text())[metric])
