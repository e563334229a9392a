"""Recipes as the papers print them, typed from there and not from configs.

ConvNeXt V2 (arXiv 2301.00808), Tables 8 to 13 and Section 5; ConvNeXt
(arXiv 2201.03545), Table 5. The keys are those of
:func:`mmconvnextv2.config.recipe.recipe`, but for ``warmup_epochs``,
``min_lr`` and ``schedule``, which is the name of it alone. A tuple holds the
values that a paper swept over without saying which won.
"""
# ImageNet: what the fine-tuning recipes share. base_lr is for 256 images.
_FINE_TUNING = dict(
    optimizer='AdamW',
    betas=[0.9, 0.999],
    schedule='cosine',
    min_lr=1e-6,
    rand_augment=dict(magnitude=9, std=0.5, policies=2),
    erasing=0.25,
    train_size=[224, 224],
    test_size=[224, 224],
    test_crop_ratio=0.875)
# Blocks of the encoder: what layer-wise decay reaches the stem through.
_DEPTHS = dict(a=12, f=12, p=12, n=14, t=18)
_GROUPS = 13
TABLES = {}

# Table 8. 800 epochs, and the released weights' 1600.
for _size in 'afpntblh':
    for _epochs, _infix in ((800, ''), (1600, '_1600e')):
        TABLES[f'fcmae_convnextv2_{_size}{_infix}_in1k'] = dict(
            optimizer='AdamW',
            base_lr=1.5e-4,
            lr=2.4e-3,
            weight_decay=0.05,
            betas=[0.9, 0.95],
            batch=4096,
            schedule='cosine',
            min_lr=0.,
            warmup_epochs=40,
            epochs=_epochs,
            layer_decay=None,
            drop_path=0.,
            jitter=[0.2, 1.],
            train_size=[224, 224])

# Tables 9 to 11: base lr, weight decay, decay and its type, warm-up, epochs,
# label smoothing, mixup, cutmix, drop path.
_IN1K = dict(
    a=(2e-4, 0.3, 0.9, 'layer-wise', 0, 600, 0.2, 0., 0., 0.1),
    f=(2e-4, 0.05, 0.9, 'layer-wise', 0, 600, 0.2, 0.3, 0.3, 0.),
    p=(2e-4, 0.3, 0.9, 'layer-wise', 0, 600, 0.2, 0.3, 0.3, 0.),
    n=(2e-4, 0.3, 0.9, 'layer-wise', 0, 600, 0.2, 0.5, 0.5, 0.1),
    t=(8e-4, 0.05, 0.9, 'layer-wise', 40, 300, 0.1, 0.8, 1., 0.2),
    b=(6.25e-4, 0.05, 0.6, 'group-wise', 20, 100, 0.1, 0.8, 1., 0.1),
    l=(6.25e-4, 0.05, 0.6, 'group-wise', 20, 100, 0.1, 0.8, 1., 0.2),
    h=(1.25e-3, 0.05, 0.75, 'group-wise', 10, 50, 0.1, 0.8, 1., 0.3))
# Table 12, with the type of decay inferred.
_IN22K = dict(
    n=(2.5e-4, 0.05, 0.9, 'layer-wise', 5, 90, 0.1, 0.8, 1., 0.),
    t=(2.5e-4, 0.05, 0.9, 'layer-wise', 5, 90, 0.1, 0.8, 1., 0.),
    b=(2.5e-4, 0.05, 0.8, 'group-wise', 5, 90, 0.1, 0.8, 1., 0.1),
    l=(2.5e-4, 0.05, 0.8, 'group-wise', 5, 90, 0.1, 0.8, 1., 0.1),
    h=(2.5e-4, 0.05, 0.8, 'group-wise', 5, 90, 0.1, 0.8, 1., 0.3))
# Table 13, with the type of decay inferred.
_AFTER_22K = dict(
    n=(2.5e-5, 1e-8, 0.9, 'layer-wise', 0, 90, 0.1, 0., 0., 0.1),
    t=(2.5e-5, 1e-8, 0.9, 'layer-wise', 0, 90, 0.1, 0., 0., 0.1),
    b=(2.5e-5, 1e-8, 0.8, 'group-wise', 0, 30, 0.1, 0., 0., 0.2),
    l=(2.5e-5, 1e-8, 0.8, 'group-wise', 0, 30, 0.1, 0., 0., 0.3),
    h=(2.5e-5, 1e-8, 0.85, 'group-wise', 0, 30, 0.1, 0., 0., 0.5))
_COLUMNS = ('base_lr', 'weight_decay', 'layer_decay', 'decay_type',
            'warmup_epochs', 'epochs', 'label_smoothing', 'mixup', 'cutmix',
            'drop_path')


def _fine_tuning(size, row, batch, ema, **changes):
    values = dict(_FINE_TUNING, **dict(zip(_COLUMNS, row)))
    exponent = _DEPTHS.get(size, _GROUPS)
    values.update(
        batch=batch,
        ema=ema,
        lr=row[0] * batch / 256,
        stem_scale=row[2]**exponent,
        **changes)
    return {k: v if k != 'mixup' and k != 'cutmix' else v or None
            for k, v in values.items()}


for _size, _row in _IN1K.items():
    TABLES[f'convnextv2_{_size}_ft_in1k'] = _fine_tuning(
        _size, _row, 1024, 0.9999)
for _size, _row in _IN22K.items():
    TABLES[f'convnextv2_{_size}_ft_in22k'] = _fine_tuning(
        _size, _row, 4096, None, test_size=None, test_crop_ratio=None)
for _size, _row in _AFTER_22K.items():
    _ema = None if _size == 'h' else 0.9999
    for _side in (384, 512) if _size == 'h' else (224, 384):
        _name = f'convnextv2_{_size}_ft_in22k_in1k'
        # From 384 px on the whole image is evaluated.
        TABLES[_name if _side == 224 else f'{_name}_{_side}'] = _fine_tuning(
            _size, _row, 512, _ema,
            train_size=[_side, _side],
            test_size=[_side, _side],
            test_crop_ratio=0.875 if _side == 224 else None)

# ConvNeXt, Table 5: the recipe of the "Supervised" rows.
for _name, _drop_path in dict(
        convnextv2_t=0.1, convnextv2_b=0.5, convnextv2_l=0.5,
        convnextv1_b=0.5, convnextv1_l=0.5).items():
    TABLES[f'{_name}_supervised_in1k'] = dict(
        _FINE_TUNING,
        lr=4e-3,
        batch=4096,
        weight_decay=0.05,
        layer_decay=None,
        warmup_epochs=20,
        epochs=300,
        label_smoothing=0.1,
        mixup=0.8,
        cutmix=1.,
        drop_path=_drop_path,
        ema=0.9999,
        weights=None)

# Section 5: COCO, from IN-1K weights; the types as for ImageNet.
for _size, _type in dict(b='group-wise', l='group-wise',
                         h='group-wise').items():
    TABLES[f'maskrcnn_convnextv2_{_size}_coco'] = dict(
        optimizer='AdamW',
        epochs=36,
        batch=32,
        lr=1e-4,
        weight_decay=0.05,
        decay_type=_type,
        layer_decay=(0.9, 0.95),
        drop_path=(0.2, 0.3, 0.4, 0.5),
        jitter=[0.1, 2.],
        train_size=[1024, 1024],
        tta_scales=None)
# Sizes and heads that it does not train: what all of ours have in common.
for _name in [
        *(f'maskrcnn_convnextv2_{x}' for x in 'afpnt'),
        *(f'cascade_maskrcnn_convnextv2_{x}' for x in 'afpntblh'),
        'maskrcnn_convnextv1_b', 'maskrcnn_convnextv1_l'
]:
    TABLES[f'{_name}_coco'] = dict(
        optimizer='AdamW', epochs=36, weight_decay=0.05)

# Section 5: ADE20K. Only B, L and H are in the paper, the others follow.
for _size in 'afpntblh':
    for _crop in (512, 640) if _size == 'h' else (512, ):
        _infix = '' if _crop == 512 else '_640'
        TABLES[f'upernet_convnextv2_{_size}{_infix}_ade20k'] = dict(
            optimizer='AdamW',
            iterations=160000,
            batch=16,
            weight_decay=0.05,
            lr=(1e-4, 2e-4, 3e-4),
            layer_decay=(0.8, 0.9),
            decay_type='layer-wise' if _size in _DEPTHS else 'group-wise',
            drop_path=(0.1, 0.2, 0.3, 0.4),
            train_size=[_crop, _crop],
            test_size=[4 * _crop, _crop],
            tta_scales=[[round(4 * _crop * x), round(_crop * x)]
                        for x in (0.75, 0.875, 1., 1.125, 1.25)])
