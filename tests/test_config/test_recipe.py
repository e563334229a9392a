import copy
import inspect
from functools import partial

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import AmpOptimWrapper, LinearParamScheduler, OptimWrapper
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
            type='mmconvnextv2.ConvNeXtV2',
            arch='atto',
            drop_path_rate=0.1,
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
        dict(
            type='CosineAnnealingLR', begin=20, end=600, eta_min_ratio=0.125)
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
        warmup={
            'epochs': 20,
            'from': 1e-6
        },
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


def test_rates_of_other_tasks_are_absolute():
    assert recipe(changed('default_scope', to='mmdet'))['base_lr'] is None


@pytest.mark.parametrize('options, ema', [
    (dict(momentum=1e-4, interval=4), 0.9999),
    # Each of the 4 iterations of a step counts.
    (dict(momentum=1e-4), 0.9999**4),
    (dict(interval=4), 0.9998),
])
def test_average_is_counted_per_step(options, ema):
    hooks = [dict(type='mmengine.EMAHook', **options)]
    found = recipe(changed('custom_hooks', to=hooks))['ema']
    assert found == pytest.approx(ema, abs=1e-9)


@pytest.mark.parametrize('schedulers, warmup, schedule', [
    (None, None, None),
    (dict(type='PolyLR', power=1., eta_min=0.), None,
     [dict(type='polynomial', power=1., min_lr=0.)]),
    ([
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=1500),
        dict(type='MultiStepLR', milestones=[27, 33], gamma=0.1)
    ], {
        'iterations': 1500,
        'from': 0.1
    }, [dict(type='steps', at=[27, 33], factor=0.1)]),
])
def test_schedules(schedulers, warmup, schedule):
    found = recipe(changed('param_scheduler', to=schedulers))
    assert (found['warmup'], found['schedule']) == (warmup, schedule)


def test_run_in_iterations():
    found = recipe(changed('train_cfg', to=dict(max_iters=160000)))
    assert (found['epochs'], found['iterations']) == (None, 160000)


@pytest.mark.parametrize('kind, dtype, precision', [
    ('OptimWrapper', None, 'float32'),
    ('AmpOptimWrapper', None, 'float16'),
])
def test_precision(kind, dtype, precision):
    wrapper = dict(CFG['optim_wrapper'], type=kind, dtype=dtype)
    found = recipe(changed('optim_wrapper', to=wrapper))
    assert found['precision'] == precision


@pytest.mark.parametrize('key', ['model', 'optim_wrapper', 'train_cfg'])
def test_config_that_does_not_train(key):
    with pytest.raises(ValueError, match=f'a recipe needs {key} in the conf'):
        recipe(changed(key, to=None))


@pytest.mark.parametrize('gpus, per_gpu, message', [
    (0, 32, 'gpus must be at least 1, got 0'),
    (None, 48, 'with 48 images on each, auto_scale_lr.base_batch_size, 256,'),
    (None, 512, 'the number of GPUs must be given: with 512 images on each'),
])
def test_number_of_gpus(gpus, per_gpu, message):
    cfg = changed('train_dataloader', 'batch_size', to=per_gpu)
    with pytest.raises(ValueError, match=message):
        recipe(cfg, gpus)


def without(part, *keys):
    return {k: v for k, v in part.items() if k not in keys}


@pytest.mark.parametrize('constructor', [
    None, 'LearningRateDecayOptimizerConstructor',
    'LayerDecayOptimWrapperConstructor'
])
def test_no_layer_decay(constructor):
    wrapper = dict(CFG['optim_wrapper'], constructor=constructor,
                   paramwise_cfg=dict(decay_rate=1.))
    found = recipe(changed('optim_wrapper', to=wrapper))
    assert {found[key] for key in ('layer_decay', 'decay_type', 'stem_scale',
                                   'stem_lr')} == {None}


@pytest.mark.parametrize('backbone', [
    dict(type='mmconvnextv2.ConvNeXtV2'),
    dict(type='mmpretrain.ConvNeXt'),
    dict(type='mmconvnextv2.ConvNeXtV2', arch='femto'),
])
@pytest.mark.parametrize('kind', [None, 'group_wise', 'stage_wise'])
def test_stem_has_the_rate_that_the_optimizer_gets(backbone, kind):
    options = dict(decay_rate=0.9, decay_type=kind)
    wrapper = dict(CFG['optim_wrapper'], paramwise_cfg=options)
    cfg = changed('optim_wrapper', to=wrapper)
    cfg['model']['backbone'] = backbone
    found = recipe(cfg)
    model = MODELS.build(backbone)
    constructor = LayerDecayOptimWrapperConstructor(
        without(wrapper, 'constructor', 'paramwise_cfg', 'type', 'dtype'),
        options)
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
    cfg = changed('model', 'backbone', to=dict(
        type='mmconvnextv2.ConvNeXtV2'))
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


def test_float16_is_the_default_of_mixed_precision():
    # AmpOptimWrapper hands None on to autocast.
    assert default(AmpOptimWrapper, 'dtype') is None
    assert torch.get_autocast_dtype('cuda') == torch.float16
