import copy
import inspect
from functools import partial

import pytest
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import LinearParamScheduler, OptimWrapper
from mmengine.registry import MODELS
from mmpretrain.datasets import transforms
from torch.optim import AdamW

from mmconvnextv2 import ConvNeXtV2, LayerDecayOptimWrapperConstructor
from mmconvnextv2.config.recipe import recipe
from mmconvnextv2.engine.layer_decay import DEFAULTS as DECAY_DEFAULTS

CFG = dict(
    default_scope='mmpretrain',
    model=dict(
        type='ImageClassifier',
        backbone=dict(
            type='mmconvnextv2.ConvNeXtV2', arch='atto', drop_path_rate=0.1,
            init_cfg=dict(type='Pretrained', checkpoint='a.pth')),
        head=dict(
            type='LinearClsHead',
            loss=dict(type='LabelSmoothLoss', label_smooth_val=0.2)),
        train_cfg=dict(augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='mmpretrain.CutMix', alpha=1.)
        ])),
    train_dataloader=dict(batch_size=32, dataset=dict(pipeline=[])),
    optim_wrapper=dict(
        type='AmpOptimWrapper',
        dtype='bfloat16',
        accumulative_counts=4,
        constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
        paramwise_cfg=dict(decay_rate=0.9, decay_type='layer_wise'),
        optimizer=dict(
            type='AdamW', lr=8e-4, betas=(0.9, 0.999), weight_decay=0.3)),
    train_cfg=dict(max_epochs=600),
    param_scheduler=[
        dict(type='LinearLR', start_factor=1e-6, end=20),
        dict(type='CosineAnnealingLR', begin=20, end=600, eta_min_ratio=0.125)
    ],
    custom_hooks=[dict(type='EMAHook', momentum=1e-4, interval=4)],
    auto_scale_lr=dict(enable=False, base_batch_size=256))


def changed(*path, to):
    """The config with one value replaced."""
    cfg = copy.deepcopy(CFG)
    place = cfg
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return cfg


def test_values_and_no_change_of_the_config():
    cfg = copy.deepcopy(CFG)
    found = recipe(cfg)
    assert cfg == CFG
    expected = dict(
        model='ImageClassifier',
        backbone='ConvNeXtV2',
        arch='atto',
        weights='a.pth',
        gpus=8,
        images_per_gpu=32,
        accumulation=4,
        batch=1024,
        optimizer='AdamW',
        lr=8e-4,
        base_lr=2e-4,
        weight_decay=0.3,
        betas=[0.9, 0.999],
        clip_grad=None,
        precision='bfloat16',
        layer_decay=0.9,
        decay_type='layer-wise',
        stem_scale=0.9**12,
        stem_lr=8e-4 * 0.9**12,
        epochs=600,
        iterations=None,
        warmup={'epochs': 20, 'from': 1e-6},
        schedule=[dict(type='cosine', min_lr=1e-4)],
        drop_path=0.1,
        ema=0.9999,
        label_smoothing=0.2,
        mixup=0.8,
        cutmix=1.)
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize('scaling, gpus, batch, lr', [
    (dict(enable=True, base_batch_size=256), None, 1024, 8e-4),
    (dict(enable=False, base_batch_size=256), 2, 256, 8e-4),
    (dict(enable=True, base_batch_size=256), 2, 256, 2e-4),
    # One GPU, without a batch for the learning rate.
    (None, None, 128, 8e-4),
])
def test_scaling_follows_mmengine(scaling, gpus, batch, lr):
    found = recipe(changed('auto_scale_lr', to=scaling), gpus)
    assert found['batch'] == batch == 128 * found['gpus']
    assert found['lr'] == pytest.approx(lr)
    assert found['base_lr'] == pytest.approx(lr * 256 / batch)


def averaging(**options):
    return [dict(type='mmengine.EMAHook', **options)]


def wrapper(**changes):
    return dict(CFG['optim_wrapper'], **changes)


@pytest.mark.parametrize('key, to, expected', [
    # Rates of other tasks are absolute.
    ('default_scope', 'mmdet', dict(base_lr=None)),
    ('train_cfg', dict(max_iters=160000),
     dict(epochs=None, iterations=160000)),
    # Each of the 4 iterations of a step counts.
    ('custom_hooks', averaging(momentum=1e-4), dict(ema=0.9999**4)),
    ('custom_hooks', averaging(interval=4), dict(ema=0.9998)),
    ('param_scheduler', None, dict(warmup=None, schedule=None)),
    ('param_scheduler', dict(type='PolyLR', power=1., eta_min=0.),
     dict(schedule=[dict(type='polynomial', power=1., min_lr=0.)])),
    ('param_scheduler',
     [dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=1500),
      dict(type='MultiStepLR', milestones=[27, 33], gamma=0.1)],
     dict(warmup={'iterations': 1500, 'from': 0.1},
          schedule=[dict(type='steps', at=[27, 33], factor=0.1)])),
    ('optim_wrapper', wrapper(type='OptimWrapper'), dict(precision='float32')),
    ('optim_wrapper', wrapper(dtype=None), dict(precision='float16')),
    *(('optim_wrapper',
       wrapper(constructor=x, paramwise_cfg=dict(decay_rate=1.)),
       dict(layer_decay=None, decay_type=None, stem_scale=None, stem_lr=None))
      for x in (None, 'LearningRateDecayOptimizerConstructor',
                'LayerDecayOptimWrapperConstructor')),
])
def test_what_a_change_changes(key, to, expected):
    found = recipe(changed(key, to=to))
    for name, value in expected.items():
        assert found[name] == (pytest.approx(value, abs=1e-9)
                               if isinstance(value, float) else value), name


@pytest.mark.parametrize('key', ['model', 'optim_wrapper', 'train_cfg'])
def test_config_that_does_not_train(key):
    with pytest.raises(ValueError, match=f'a recipe needs {key} in the conf'):
        recipe(changed(key, to=None))


def test_batch_that_no_number_of_gpus_makes():
    cfg = changed('train_dataloader', 'batch_size', to=512)
    with pytest.raises(ValueError, match='the number of GPUs must be given: '
                       'with 512 images on each'):
        recipe(cfg)


@pytest.mark.parametrize('backbone', [
    dict(type='mmconvnextv2.ConvNeXtV2'),
    dict(type='mmpretrain.ConvNeXt'),
    dict(type='mmconvnextv2.ConvNeXtV2', arch='femto'),
])
@pytest.mark.parametrize('kind', [None, 'group_wise', 'stage_wise'])
def test_stem_has_the_rate_that_the_optimizer_gets(backbone, kind):
    options = dict(decay_rate=0.9, decay_type=kind)
    cfg = changed('optim_wrapper', 'paramwise_cfg', to=options)
    cfg['model']['backbone'] = backbone
    found = recipe(cfg)
    model = MODELS.build(backbone)
    constructor = LayerDecayOptimWrapperConstructor(
        dict(optimizer=CFG['optim_wrapper']['optimizer']), options)
    groups = []
    constructor.add_params(groups, model)
    stem = model.downsample_layers[0][0].weight
    rate, = (group['lr'] for group in groups
             if any(param is stem for param in group['params']))
    assert found['stem_lr'] == pytest.approx(rate)
    assert found['stem_scale'] == pytest.approx(rate / 8e-4)
    assert found['decay_type'] == (kind or 'layer_wise').replace('_', '-')


def default(function, name):
    return inspect.signature(function).parameters[name].default


def test_what_is_left_out_has_the_defaults_of_the_signatures():
    cfg = changed('model', 'backbone', to=dict(type='mmconvnextv2.ConvNeXtV2'))
    cfg['optim_wrapper']['optimizer'] = dict(type='AdamW', lr=1e-3)
    cfg['optim_wrapper'].pop('accumulative_counts')
    cfg['param_scheduler'] = dict(type='LinearLR', end=5)
    cfg['custom_hooks'] = [dict(type='EMAHook')]
    cfg['train_dataloader']['dataset']['pipeline'] = [
        dict(type='RandomResizedCrop', scale=64),
        dict(type='RandAugment', num_policies=2, magnitude_level=9),
        dict(type='RandomErasing')
    ]
    found = recipe(cfg)
    assert found['arch'] == default(ConvNeXtV2, 'arch') == 'base'
    assert found['drop_path'] == default(ConvNeXtV2, 'drop_path_rate') == 0.
    assert found['betas'] == list(default(AdamW, 'betas')) == [0.9, 0.999]
    assert found['weight_decay'] == default(AdamW, 'weight_decay') == 0.01
    assert found['accumulation'] == default(OptimWrapper,
                                            'accumulative_counts') == 1
    average = default(ExponentialMovingAverage, 'momentum')
    assert found['ema'] == 1 - average == 0.9998
    scheduler = partial(default, LinearParamScheduler)
    assert found['warmup'] == {'epochs': 5, 'from': scheduler('start_factor')}
    assert scheduler('by_epoch') and scheduler('begin') == 0
    assert found['jitter'] == list(
        default(transforms.RandomResizedCrop, 'crop_ratio_range'))
    assert found['rand_augment']['std'] == default(
        transforms.RandAugment, 'magnitude_std')
    assert found['erasing'] == default(transforms.RandomErasing, 'erase_prob')
    # Layer decay reads the type of it itself.
    assert DECAY_DEFAULTS['decay_type'] == 'layer_wise'
