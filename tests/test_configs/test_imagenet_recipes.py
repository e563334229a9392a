"""Recipes on ImageNet: what the papers' tables do not hold."""
import re
from pathlib import PurePosixPath

import numpy as np
import pytest
from config_run import CONFIGS, LEAVES
from mmengine.config import Config
from paper_tables import TABLES

from mmconvnextv2.config.preflight import missing_data
from mmconvnextv2.models.backbones.arch import resolve_arch


def steps(pipeline):
    return {step.type: step for step in pipeline}


def load(name):
    return Config.fromfile(LEAVES[name])


@pytest.mark.parametrize(
    'name', [x for x in TABLES if x.startswith('convnextv')])
def test_classes_blocks_and_schedule(name):
    cfg = load(name)
    backbone, head = cfg.model.backbone, cfg.model.head
    assert head.in_channels == resolve_arch(backbone.arch).channels[-1]
    classes = {'in22k': 21841, 'cub': 200}.get(name.split('_')[-1], 1000)
    assert head.num_classes == classes
    assert cfg.model.data_preprocessor.num_classes == classes
    is_v1 = 'convnextv1' in name
    kind, lrn_etc = '_grn_added_' in name, re.search('_b_([a-z]+)_ft', name)
    assert backbone.get('use_grn', True) is (
        kind or not (is_v1 or '_grn_dropped_' in name))
    # The V1 code has none in the smaller isotropic models.
    scale = 0. if re.search('_[sb]_isotropic', name) else 1e-6
    assert backbone.get('layer_scale_init_value') == (scale if is_v1 else None)
    kind = 'GRN' if kind else lrn_etc and lrn_etc[1].upper()
    assert backbone.get('grn_cfg', {}).get('type') == kind
    assert cfg.param_scheduler[-1].begin == TABLES[name]['warmup_length']
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs
    assert all(x.convert_to_iter_based for x in cfg.param_scheduler)


@pytest.mark.parametrize('name', ['n_ft_in1k', 'n_ft_in22k', 'b_ft_in22k_in1k',
                                  'b_ft_in22k_in1k_384', 't_supervised_in1k'])
def test_augmentation(name):
    cfg = load(f'convnextv2_{name}')
    size = 384 if name.endswith('384') else 224
    train = steps(cfg.train_dataloader.dataset.pipeline)
    assert list(train) == [
        'LoadImageFromFile', 'mmconvnextv2.RandomResizedCrop', 'RandomFlip',
        'RandAugment', 'RandomErasing', 'PackInputs'
    ]
    crop = train['mmconvnextv2.RandomResizedCrop']
    assert (crop.scale, crop.interpolation) == (size, 'bicubic')
    assert 'backend' not in crop
    assert train['RandomFlip'].prob == 0.5
    augment = train['RandAugment']
    assert (augment.policies, augment.num_policies, augment.total_level,
            augment.magnitude_level,
            augment.magnitude_std) == ('timm_increasing', 2, 10, 9, 0.5)
    assert augment.hparams == dict(
        pad_val=[104, 116, 124], interpolation='bicubic')
    erase = train['RandomErasing']
    assert (erase.erase_prob, erase.mode) == (0.25, 'rand')
    # Images are BGR there; the preprocessor's values are of RGB.
    normal = cfg.model.data_preprocessor
    assert erase.fill_color == normal.mean[::-1]
    assert erase.fill_std == normal.std[::-1]


@pytest.mark.parametrize('name, size, resized', [
    ('b_ft_in1k', 224, (334, 256)), ('b_ft_in22k_in1k', 224, (334, 256)),
    ('b_ft_in22k_in1k_384', 384, (384, 384)),
    ('h_ft_in22k_in1k_512', 512, (512, 512))
])
def test_evaluation(name, size, resized):
    cfg = load(f'convnextv2_{name}')
    for split in ('val', 'test'):
        loader = cfg[f'{split}_dataloader']
        assert (loader.dataset.type, loader.dataset.split) == ('ImageNet',
                                                               'val')
        assert cfg[f'{split}_evaluator'] == dict(type='Accuracy', topk=(1, 5))
        read, resize, *crop, pack = loader.dataset.pipeline
        assert (resize.backend, resize.interpolation) == ('pillow', 'bicubic')
    from mmpretrain.registry import TRANSFORMS
    image = dict(img=np.zeros((400, 522, 3), np.uint8), img_shape=(400, 522))
    image = TRANSFORMS.build(resize)(image)
    assert image['img'].shape[1::-1] == resized
    for step in crop:
        image = TRANSFORMS.build(step)(image)
    assert image['img'].shape == (size, size, 3)


@pytest.mark.parametrize('size', 'ntblh')
def test_in22k(size):
    cfg = load(f'convnextv2_{size}_ft_in22k')
    dataset = cfg.train_dataloader.dataset
    assert (dataset.type, dataset.data_root,
            dataset.split) == ('ImageNet21k', 'data/imagenet22k/', 'train')
    for split in ('val', 'test'):
        for part in ('dataloader', 'evaluator', 'cfg'):
            assert cfg[f'{split}_{part}'] is None
    # Its last checkpoint is what the next recipes start from.
    file = f'epoch_{cfg.train_cfg.max_epochs}.pth'
    run = PurePosixPath('work_dirs', f'convnextv2_{size}_ft_in22k', file)
    followers = list(CONFIGS.glob(f'convnextv2_{size}_ft_in22k_in1k*.py'))
    assert len(followers) == 2
    for path in followers:
        checked = missing_data(Config.fromfile(path))
        weights, = (x for x in checked if x.keys[0].startswith('model'))
        assert weights.path == str(run)
        assert weights.keys == ('model.backbone.init_cfg.checkpoint', )
