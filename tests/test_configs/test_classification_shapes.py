"""The classifier on shapes: its data, and what it learns."""
import pytest
from config_run import CONFIGS, scalars, train
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

from mmconvnextv2.datasets import make_shapes
from mmconvnextv2.datasets.shapes_scene import CLASSES

_NAME = 'convnextv2_a_ft_shapes'
# Percent; 63 was measured. Chance is 20; a linear head on the frozen random
# backbone (frozen_stages=4) ends at 34, with a learning rate of 1e-2.
_FLOOR = 50.


@pytest.fixture
def cfg():
    return Config.fromfile(CONFIGS / f'{_NAME}.py')


def test_reads_the_class_folders(cfg, tmp_path, monkeypatch):
    make_shapes(tmp_path / 'data' / 'shapes', num_train=10, num_val=5)
    monkeypatch.chdir(tmp_path)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        sets = [
            DATASETS.build(cfg[f'{split}_dataloader'].dataset)
            for split in ('train', 'val')
        ]
    assert [len(x) for x in sets] == [10, 5]
    assert tuple(sets[0].metainfo['classes']) == CLASSES
    for dataset in sets:
        assert sorted(set(dataset.get_gt_labels())) == [0, 1, 2, 3, 4]
        for i in range(5):
            item = dataset[i]
            name = CLASSES[item['data_samples'].gt_label.item()]
            assert f'/{name}/' in item['data_samples'].img_path
            assert item['inputs'].shape == (3, 96, 96)


def test_head_has_the_classes(cfg):
    assert cfg.model.head.num_classes == len(CLASSES)
    assert cfg.model.data_preprocessor.num_classes == len(CLASSES)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_learns(tmp_path):
    train(tmp_path, CONFIGS / f'{_NAME}.py', 'randomness.seed=0')
    _, evaluated = scalars(tmp_path / 'work_dirs' / _NAME)
    assert evaluated[-1]['step'] == 20
    assert evaluated[-1]['accuracy/top1'] > _FLOOR
