import copy

import pytest

from mmconvnextv2.config.recipe import Batch, batch_of, peak_lr, recipe

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
        backbone='mmconvnextv2.ConvNeXtV2',
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


@pytest.mark.parametrize('gpus, enable, lr', [(None, True, 8e-4),
                                              (2, False, 8e-4),
                                              (2, True, 2e-4)])
def test_scaling_follows_mmengine(gpus, enable, lr):
    cfg = changed('auto_scale_lr', 'enable', to=enable)
    batch = batch_of(cfg, gpus)
    assert batch == Batch(gpus or 8, 32, 4)
    assert peak_lr(cfg, batch) == pytest.approx(lr)
    found = recipe(cfg, gpus)
    assert found['lr'] == pytest.approx(lr)
    assert found['base_lr'] == pytest.approx(lr * 256 / batch.total)


def test_without_a_batch_for_the_learning_rate_one_gpu_is_meant():
    assert batch_of(changed('auto_scale_lr', to=None)) == Batch(1, 32, 4)


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
        batch_of(cfg, gpus)
