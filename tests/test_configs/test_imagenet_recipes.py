"""Recipes on ImageNet: the values of the configs."""
import math
from pathlib import PurePosixPath

import numpy as np
import pytest
from config_run import CONFIGS
from imagenet_tables import FT_IN22K, RECIPES, SIZES, load
from mmengine.config import Config

from mmconvnextv2.config.preflight import missing_data
from mmconvnextv2.models.backbones.arch import resolve_arch


def steps(pipeline):
    return {step.type: step for step in pipeline}


def test_every_leaf_is_in_the_table():
    leaves = {path.stem for path in CONFIGS.glob('convnextv*.py')}
    # Sharded ones have a plain config's recipe: test_sharded_configs.py.
    sharded = {x for x in leaves if '_fsdp' in x}
    assert leaves - sharded - {'convnextv2_a_ft_shapes'} == set(RECIPES)


@pytest.mark.parametrize('name', RECIPES)
def test_optimizer_and_schedule(name):
    cfg, recipe = load(name), RECIPES[name]
    wrapper, warm_up = cfg.optim_wrapper, recipe.epochs[0]
    lr = recipe.base_lr * recipe.batch / 256
    assert wrapper.optimizer.type == 'AdamW'
    assert math.isclose(wrapper.optimizer.lr, lr)
    assert tuple(wrapper.optimizer.betas) == (0.9, 0.999)
    assert wrapper.optimizer.weight_decay == recipe.weight_decay
    assert wrapper.paramwise_cfg == dict(
        decay_rate=recipe.decay[0], decay_type=recipe.decay[1])
    images = 8 * cfg.train_dataloader.batch_size
    assert images * wrapper.accumulative_counts == recipe.batch
    assert cfg.auto_scale_lr.base_batch_size == images
    assert cfg.train_cfg.max_epochs == recipe.epochs[1]
    *first, cosine = cfg.param_scheduler
    assert [(x.type, x.begin, x.end) for x in first
            ] == ([('LinearLR', 0, warm_up)] if warm_up else [])
    assert (cosine.type, cosine.begin,
            cosine.end) == ('CosineAnnealingLR', *recipe.epochs)
    assert math.isclose(cosine.eta_min_ratio * lr, 1e-6)
    assert all(x.convert_to_iter_based for x in cfg.param_scheduler)


@pytest.mark.parametrize('name', RECIPES)
def test_model(name):
    cfg, recipe = load(name), RECIPES[name]
    arch = SIZES[name.split('_')[1]]
    backbone, head = cfg.model.backbone, cfg.model.head
    assert backbone.arch == arch
    assert head.in_channels == resolve_arch(arch).channels[-1]
    classes = 21841 if name.endswith('_in22k') else 1000
    assert head.num_classes == classes
    assert cfg.model.data_preprocessor.num_classes == classes
    assert head.loss == dict(
        type='LabelSmoothLoss', label_smooth_val=recipe.smoothing)
    assert backbone.drop_path_rate == recipe.drop_path
    of_v1 = {
        key: backbone[key]
        for key in ('use_grn', 'layer_scale_init_value') if key in backbone
    }
    assert of_v1 == (
        dict(use_grn=False, layer_scale_init_value=1e-6)
        if name.startswith('convnextv1') else {})
    augments = (cfg.model.get('train_cfg') or {}).get('augments')
    mix = recipe.mix and [('Mixup', recipe.mix[0]), ('CutMix', recipe.mix[1])]
    assert (augments and [(x.type, x.alpha) for x in augments]) == mix


@pytest.mark.parametrize('name', RECIPES)
def test_ema_once_per_step(name):
    cfg, recipe = load(name), RECIPES[name]
    interval = cfg.optim_wrapper.accumulative_counts
    hook = dict(type='EMAHook', momentum=1e-4, interval=interval)
    assert (cfg.get('custom_hooks') or []) == [hook] * recipe.ema


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


@pytest.mark.parametrize('size', FT_IN22K)
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


@pytest.mark.parametrize(
    'name', [x for x in RECIPES if x.endswith(('_ft_in1k', '_ft_in22k'))])
def test_starts_from_fcmae(name):
    url = load(name).model.backbone.init_cfg.checkpoint
    arch = SIZES[name.split('_')[1]]
    assert f'/convnext-v2-{arch}_3rdparty-fcmae_in1k_' in url


@pytest.mark.parametrize('name', [x for x in RECIPES if 'supervised' in x])
def test_supervised_starts_from_nothing(name):
    cfg = load(name)
    assert 'init_cfg' not in cfg.model.backbone and cfg.load_from is None
