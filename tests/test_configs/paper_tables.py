"""Recipes as the papers print them, typed from there and not from configs.

ConvNeXt V2 (arXiv 2301.00808), Tables 8 to 13, Table 6 and Section 5; ConvNeXt
(arXiv 2201.03545), Table 5 and Appendix A.1; the configs of the V1 code, and
what is said to be inferred in a config's first comment. The keys are those of
:func:`mmconvnextv2.config.recipe.recipe`, but for ``warmup_length`` (epochs or
iterations), ``min_lr``, ``schedule``, which is the name of it alone, and
``weights``, which is a part of the file's address.
"""
ARCHS = dict(
    a='atto', f='femto', p='pico', n='nano', t='tiny', s='small', b='base',
    l='large', xl='xlarge', h='huge')
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
_DEPTHS = dict(a=12, f=12, p=12, n=14, t=18, h=36)
_GROUPS = 13
TABLES = {}

# Table 8. 800 epochs, and the released weights' 1600; then what the paper
# compares, with the first ConvNeXt (Tables 1 and 3) and in GRN's place (2).
_DECODERS = [f'b_{x}' for x in (
    'leaky', 'leaky_token', 'unet', 'unet_skip', 'transformer',
    *(f'depth{n}' for n in (2, 4, 8, 12)),
    *(f'width{n}' for n in (128, 256, 768, 1024)))]
_RIVALS = ('lrn', 'bn', 'ln', 'se', 'cbam')
_FCMAE = [
    *(f'v2_{x}' for x in 'afpntblh'), *(f'v2_{x}_1600e' for x in 'afpntblh'),
    *(f'v1_{x}' for x in ('b', 'l', *_DECODERS)),
    *(f'v2_b_{x}' for x in _RIVALS)]
for _name in _FCMAE:
    TABLES[f'fcmae_convnext{_name}_in1k'] = dict(
        arch=ARCHS[_name.split('_')[1]],
        weights=None,
        optimizer='AdamW',
        base_lr=1.5e-4,
        lr=2.4e-3,
        weight_decay=0.05,
        betas=[0.9, 0.95],
        batch=4096,
        schedule='cosine',
        min_lr=0.,
        warmup_length=40,
        epochs=1600 if _name.endswith('_1600e') else 800,
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
    h=(1.25e-3, 0.05, 0.75, 'layer-wise', 10, 50, 0.1, 0.8, 1., 0.3))
# Table 12, with the type of decay as Appendix A.2 has it.
_IN22K = dict(
    n=(2.5e-4, 0.05, 0.9, 'layer-wise', 5, 90, 0.1, 0.8, 1., 0.),
    t=(2.5e-4, 0.05, 0.9, 'layer-wise', 5, 90, 0.1, 0.8, 1., 0.),
    b=(2.5e-4, 0.05, 0.8, 'group-wise', 5, 90, 0.1, 0.8, 1., 0.1),
    l=(2.5e-4, 0.05, 0.8, 'group-wise', 5, 90, 0.1, 0.8, 1., 0.1),
    h=(2.5e-4, 0.05, 0.8, 'layer-wise', 5, 90, 0.1, 0.8, 1., 0.3))
# Table 13, likewise.
_AFTER_22K = dict(
    n=(2.5e-5, 1e-8, 0.9, 'layer-wise', 0, 90, 0.1, 0., 0., 0.1),
    t=(2.5e-5, 1e-8, 0.9, 'layer-wise', 0, 90, 0.1, 0., 0., 0.1),
    b=(2.5e-5, 1e-8, 0.8, 'group-wise', 0, 30, 0.1, 0., 0., 0.2),
    l=(2.5e-5, 1e-8, 0.8, 'group-wise', 0, 30, 0.1, 0., 0., 0.3),
    h=(2.5e-5, 1e-8, 0.85, 'layer-wise', 0, 30, 0.1, 0., 0., 0.5))
_COLUMNS = ('base_lr', 'weight_decay', 'layer_decay', 'decay_type',
            'warmup_length', 'epochs', 'label_smoothing', 'mixup', 'cutmix',
            'drop_path')


def _fine_tuning(size, row, batch, ema, **changes):
    values = dict(_FINE_TUNING, **dict(zip(_COLUMNS, row)))
    values['arch'] = ARCHS[size]
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
        _size, _row, 1024, 0.9999,
        weights=f'/convnext-v2-{ARCHS[_size]}_3rdparty-fcmae_in1k_')
for _size, _row in _IN22K.items():
    TABLES[f'convnextv2_{_size}_ft_in22k'] = _fine_tuning(
        _size, _row, 4096, None, test_size=None, test_crop_ratio=None,
        weights=f'/convnext-v2-{ARCHS[_size]}_3rdparty-fcmae_in1k_')
for _size, _row in _AFTER_22K.items():
    _ema = None if _size == 'h' else 0.9999
    for _side in (384, 512) if _size == 'h' else (224, 384):
        _name = f'convnextv2_{_size}_ft_in22k_in1k'
        # From 384 px on the whole image is evaluated.
        TABLES[_name if _side == 224 else f'{_name}_{_side}'] = _fine_tuning(
            _size, _row, 512, _ema,
            weights=f'work_dirs/convnextv2_{_size}_ft_in22k/epoch_90.pth',
            train_size=[_side, _side],
            test_size=[_side, _side],
            test_crop_ratio=0.875 if _side == 224 else None)

# Fine-tuning as Base's and Large's, from runs of our own. Sup, 100 epochs: the
# same from scratch.
for _name, _start in (
        ('v1_b', 'v1_b'), ('v1_l', 'v1_l'), ('v2_b_grn_dropped', 'v2_b'),
        ('v1_b_grn_added', 'v1_b'),
        *((f'v2_b_{x}', f'v2_b_{x}') for x in _RIVALS)):
    _size = _name.split('_')[1]
    TABLES[f'convnext{_name}_ft_in1k'] = _fine_tuning(
        _size, _IN1K[_size], 1024, 0.9999,
        weights=f'work_dirs/fcmae_convnext{_start}_in1k/epoch_800.pth')
TABLES['convnextv1_b_supervised_100e_in1k'] = dict(
    TABLES['convnextv1_b_ft_in1k'],
    **dict.fromkeys(('weights', 'layer_decay', 'decay_type', 'stem_scale')))

# ConvNeXt, Table 5: the recipe of the "Supervised" rows, with atto to nano
# inferred. Epochs, mixup, cutmix, drop path.
_SUPERVISED = dict(
    a=(600, None, None, 0.1), f=(600, 0.3, 0.3, 0.), p=(600, 0.3, 0.3, 0.),
    n=(600, 0.5, 0.5, 0.1), t=(300, 0.8, 1., 0.1), s=(300, 0.8, 1., 0.4),
    b=(300, 0.8, 1., 0.5), l=(300, 0.8, 1., 0.5))
for _name in [*(f'convnextv2_{x}' for x in _SUPERVISED if x != 's'),
              *(f'convnextv1_{x}' for x in 'tsbl')]:
    _size = _name[-1]
    _row = dict(zip(('epochs', 'mixup', 'cutmix', 'drop_path'),
                    _SUPERVISED[_size]))
    TABLES[f'{_name}_supervised_in1k'] = dict(
        _FINE_TUNING,
        **_row,
        arch=ARCHS[_size],
        lr=4e-3,
        batch=4096,
        weight_decay=0.05,
        layer_decay=None,
        warmup_length=20,
        label_smoothing=0.1,
        ema=0.9999,
        weights=None)

# Section 2: the recipe of the size that they lead to.
_ROADMAP = ('resnet', 'ratio', 'patchify', 'depthwise', 'width', 'inverted',
            'conv_first', 'kernel5', 'kernel7', 'kernel9', 'kernel11', 'gelu',
            'fewer_acts', 'fewer_norms', 'ln', 'convnext')
for _size in 'tb':
    for _i, _step in enumerate(_ROADMAP, 1):
        TABLES[f'roadmap_{_size}_{_i:02d}_{_step}_in1k'] = dict(
            TABLES[f'convnextv1_{_size}_supervised_in1k'], arch=None, ema=None)

# Section 3.3: isotropic; more warm-up and less drop path.
for _size, _width, _depth, _drop_path in (
        ('s', 384, 18, 0.1), ('b', 768, 18, 0.2), ('l', 1024, 36, 0.5)):
    TABLES[f'convnextv1_{_size}_isotropic_in1k'] = dict(
        TABLES[f'convnextv1_{_size}_supervised_in1k'],
        arch=dict(depths=[_depth], channels=[_width]),
        warmup_length=50,
        drop_path=_drop_path)

# Then at 384 px, as the V1 code's training guide has it.
for _size, _drop_path, _weights in (
        ('b', 0.8, '3rdparty_32xb128-noema_in1k_'),
        ('l', 0.95, '3rdparty_64xb64_in1k_')):
    TABLES[f'convnextv1_{_size}_supervised_in1k_384'] = _fine_tuning(
        _size, (2.5e-5, 1e-8, 0.7, 'group-wise', 0, 30, 0.1, 0., 0.,
                _drop_path), 512, None, train_size=[384, 384],
        test_size=[384, 384], test_crop_ratio=None,
        weights=f'/convnext-{ARCHS[_size]}_{_weights}')

# COCO: drop path, decay rate, lr, batch, weights. The paper swept decay rates
# of 0.9 and 0.95 and drop paths of 0.2 to 0.5, for B, L and H.
_NO_EMA = '3rdparty_32xb128-noema_in1k_'
_TUNED = 'fcmae-pre_3rdparty_in1k_'
_COCO = dict(
    maskrcnn_convnextv2_a=(0.1, 0.95, 1e-4, 16, _TUNED),
    maskrcnn_convnextv2_f=(0.1, 0.95, 1e-4, 16, _TUNED),
    maskrcnn_convnextv2_p=(0.2, 0.95, 1e-4, 16, _TUNED),
    maskrcnn_convnextv2_n=(0.2, 0.95, 1e-4, 16, _TUNED),
    maskrcnn_convnextv2_t=(0.4, 0.95, 1e-4, 16, _TUNED),
    maskrcnn_convnextv2_b=(0.4, 0.95, 1e-4, 32, '3rdparty-fcmae_in1k_'),
    maskrcnn_convnextv2_l=(0.5, 0.95, 1e-4, 32, '3rdparty-fcmae_in1k_'),
    maskrcnn_convnextv2_h=(0.5, 0.95, 1e-4, 32, '3rdparty-fcmae_in1k_'),
    maskrcnn_convnextv1_t=(0.4, 0.95, 1e-4, 16, _NO_EMA),
    maskrcnn_convnextv1_b=(0.4, 0.95, 1e-4, 32, _NO_EMA),
    maskrcnn_convnextv1_l=(0.5, 0.95, 1e-4, 32, '3rdparty_64xb64_in1k_'),
    cascade_maskrcnn_convnextv2_a=(0.1, 0.7, 2e-4, 16, _TUNED),
    cascade_maskrcnn_convnextv2_f=(0.1, 0.7, 2e-4, 16, _TUNED),
    cascade_maskrcnn_convnextv2_p=(0.2, 0.7, 2e-4, 16, _TUNED),
    cascade_maskrcnn_convnextv2_n=(0.2, 0.7, 2e-4, 16, _TUNED),
    cascade_maskrcnn_convnextv2_t=(0.4, 0.7, 2e-4, 16, _TUNED),
    cascade_maskrcnn_convnextv2_b=(0.7, 0.8, 2e-4, 16, _TUNED),
    cascade_maskrcnn_convnextv2_l=(
        0.7, 0.7, 1e-4, 16, 'fcmae-in21k-pre_3rdparty_in1k_'),
    cascade_maskrcnn_convnextv2_h=(
        0.8, 0.95, 1e-4, 16, 'fcmae-in21k-pre_3rdparty_in1k-512px_'),
    cascade_maskrcnn_convnextv1_t=(0.4, 0.7, 2e-4, 16, _NO_EMA),
    cascade_maskrcnn_convnextv1_s=(0.6, 0.7, 2e-4, 16, _NO_EMA),
    cascade_maskrcnn_convnextv1_b=(0.7, 0.8, 2e-4, 16, _NO_EMA),
    cascade_maskrcnn_convnextv1_b_22k=(0.6, 0.8, 1e-4, 16, '3rdparty_in21k_'),
    cascade_maskrcnn_convnextv1_l=(0.7, 0.7, 1e-4, 16, '3rdparty_in21k_'),
    cascade_maskrcnn_convnextv1_xl=(0.8, 0.7, 1e-4, 16, '3rdparty_in21k_'))
for _name, _row in _COCO.items():
    _version, _size = _name.split('convnext')[1].split('_')[:2]
    _is_cascade, _batch = _name.startswith('cascade'), _row[3]
    _infix = '-v2' if _version == 'v2' else ''
    TABLES[f'{_name}_coco'] = dict(
        zip(('drop_path', 'layer_decay', 'lr', 'batch'), _row),
        arch=ARCHS[_size],
        optimizer='AdamW',
        betas=[0.9, 0.999],
        weight_decay=0.05,
        # In V1's code, and here as far as its large models are followed.
        precision='float32' if _is_cascade and _size in ('l', 'xl', 'h')
        else 'float16',
        decay_type='layer-wise' if _size == 'h' else 'group-wise',
        # Four groups of blocks where the third stage is short.
        stem_scale=_row[1]**(36 if _size == 'h' else
                             7 if _size in _DEPTHS else _GROUPS),
        warmup_length=1000,
        schedule='steps',
        epochs=36,
        # Large-scale jitter, or several scales.
        jitter=[0.1, 2.] if _batch == 32 else None,
        train_size=[1024, 1024] if _batch == 32 else [384, 600],
        test_size=[1333, 800],
        tta_scales=None,
        weights=f'/convnext{_infix}-{ARCHS[_size]}_{_row[4]}')

# Table 3's rivals: the recipe of V1-T, but for what its comment names.
for _name in ('cascade_maskrcnn_r50', 'cascade_maskrcnn_x101_32',
              'cascade_maskrcnn_x101_64', 'cascade_maskrcnn_swin_t',
              'maskrcnn_swin_t'):
    _is_swin = 'swin' in _name
    TABLES[f'{_name}_coco'] = dict(
        TABLES[f'{_name[:_name.index("maskrcnn_")]}maskrcnn_convnextv1_t_coco'],
        lr=1e-4,
        drop_path=0.2 if _is_swin else None,
        arch='tiny' if _is_swin else None,
        weights='swin_tiny' if _is_swin else '/resne',
        **dict.fromkeys(('layer_decay', 'decay_type', 'stem_scale')))

# Data sets of others: values are ours.
TABLES['convnextv2_t_ft_cub'] = dict(
    arch='tiny', lr=1e-4, batch=64, epochs=50, weight_decay=0.05,
    layer_decay=0.8, decay_type='layer-wise', drop_path=0.2, weights=_TUNED,
    warmup_length=5)
for _name, _epochs in dict(sardet=12, sar_aircraft=36).items():
    TABLES[f'fasterrcnn_convnextv2_t_{_name}'] = dict(
        arch='tiny', lr=1e-4, batch=16, epochs=_epochs, weight_decay=0.05,
        layer_decay=0.95, decay_type='group-wise', drop_path=0.2,
        weights=_TUNED)

# ADE20K: drop path, type of decay, weights. Only B, L and H are in the paper,
# which swept lr over 1e-4 to 3e-4, decay rates over 0.8 and 0.9 and drop paths
# over 0.1 to 0.4; the other sizes follow.
_ADE20K = {
    **{f'v2_{x}': (0.1, 'layer-wise', _TUNED) for x in 'afpn'},
    'v2_t': (0.4, 'layer-wise', _TUNED),
    **{f'v2_{x}': (0.4, 'group-wise', _TUNED) for x in 'bl'},
    'v2_h': (0.4, 'layer-wise', _TUNED),
    'v2_h_640':
    (0.4, 'layer-wise', 'fcmae-in21k-pre_3rdparty_in1k-512px_'),
    'v1_t': (0.4, 'stage-wise', _NO_EMA),
    'v1_s': (0.3, 'stage-wise', _NO_EMA),
    'v1_b': (0.4, 'stage-wise', _NO_EMA),
    **{f'v1_{x}_640': (0.4, 'stage-wise', '3rdparty_in21k_')
       for x in ('b', 'l', 'xl')},
    'v1_l': (0.4, 'stage-wise', '3rdparty_64xb64_in1k_'),
}
for _name, (_drop_path, _type, _weights) in _ADE20K.items():
    _version, _size = _name.split('_')[:2]
    _infix = '-v2' if _version == 'v2' else ''
    _crop = 640 if _name.endswith('_640') else 512
    TABLES[f'upernet_convnext{_name}_ade20k'] = dict(
        arch=ARCHS[_size],
        optimizer='AdamW',
        betas=[0.9, 0.999],
        iterations=160000,
        batch=16,
        weight_decay=0.05,
        lr=8e-5 if _name == 'v1_xl_640' else 1e-4,
        # In V1's code, for its large models.
        precision='float32' if _name.startswith(('v1_l', 'v1_xl'))
        else 'float16',
        layer_decay=0.9,
        decay_type=_type,
        # By stages, Tiny's are half as far apart.
        stem_scale=0.9**(7 if _name == 'v1_t' else
                         _DEPTHS.get(_size, _GROUPS)),
        drop_path=_drop_path,
        warmup_length=1500,
        schedule='polynomial',
        min_lr=0.,
        jitter=[0.5, 2.],
        train_size=[_crop, _crop],
        test_size=[4 * _crop, _crop],
        tta_scales=[[round(4 * _crop * x), round(_crop * x)]
                    for x in ((0.5, 0.75, 1., 1.25, 1.5, 1.75)
                              if _version == 'v1' else
                              (0.75, 0.875, 1., 1.125, 1.25))],
        weights=f'/convnext{_infix}-{ARCHS[_size]}_{_weights}')

# The rows "Supervised" of Tables 6 and 7: the same from other weights.
for _size in 'bl':
    for _task, _data in (('maskrcnn', 'coco'), ('upernet', 'ade20k')):
        _name = f'{_task}_convnextv2_{_size}'
        TABLES[f'{_name}_supervised_{_data}'] = dict(
            TABLES[f'{_name}_{_data}'],
            weights=f'work_dirs/convnextv2_{_size}_supervised_in1k/epoch_300')

# The rows "SimMIM" of Tables 6 and 7: the same with Swin's layers; and rivals
# of Table 4: images and evaluation of ours, values of theirs.
for _task, _data, _drop_path in (
        ('maskrcnn', 'coco', dict(b=0.4, l=0.5)),
        ('upernet', 'ade20k', dict(b=0.4, l=0.4))):
    for _size in 'bl':
        TABLES[f'{_task}_swin_{_size}_simmim_{_data}'] = dict(
            TABLES[f'{_task}_convnextv2_{_size}_{_data}'],
            drop_path=_drop_path[_size],
            decay_type='layer-wise',
            stem_scale=None,
            weights=f'/simmim_swin-{ARCHS[_size]}_16xb128-amp-coslr-800e')
# Table 15's V1 rows: the V1 code's values, and V2's for T; S as B. Drop path,
# EMA.
for _size, (_drop_path, _ema) in dict(
        t=(0.1, 0.9999), s=(0.2, None), b=(0.2, None), l=(0.3, None),
        xl=(0.4, 0.9999)).items():
    for _side in ('', '_384'):
        _like = dict(t='t', s='b', b='b').get(_size, 'l')
        TABLES[f'convnextv1_{_size}_ft_in22k_in1k{_side}'] = dict(
            TABLES[f'convnextv2_{_like}_ft_in22k_in1k{_side}'],
            arch=ARCHS[_size], drop_path=_drop_path, ema=_ema,
            weights=f'/convnext_{ARCHS[_size]}_22k_224' if _size in 'ts' else
            f'/convnext-{ARCHS[_size]}_3rdparty_in21k_')
# lr, batch, layer decay, warm-up, clipping, weights.
for _name, _row in dict(
        vit_b_mae=(2e-3, 1024, 0.65, 5, None, '/mae_vit-base-p16_8xb512-'
                   'fp16-coslr-1600e'),
        vit_b_beit=(4e-3, 1024, 0.65, 20, None, '/beit_vit-base-p16_8xb256-'
                    'amp-coslr-300e'),
        swin_b_simmim=(5e-3, 2048, 0.9, 20, 5., '/simmim_swin-base_16xb128-'
                       'amp-coslr-800e')).items():
    TABLES[f'{_name}_ft_in1k'] = dict(
        _FINE_TUNING,
        **dict(zip(('lr', 'batch', 'layer_decay', 'warmup_length',
                    'clip_grad', 'weights'), _row)),
        arch='base',
        weight_decay=0.05,
        decay_type='layer-wise',
        stem_scale=None,
        epochs=100,
        label_smoothing=0.1,
        mixup=0.8,
        cutmix=1.,
        drop_path=0.1,
        ema=None)

# MoCo V3: its recipe for ViT at a quarter of the batch; fine-tuning as ours.
TABLES['mocov3_convnextv2_b_in1k'] = dict(
    TABLES['fcmae_convnextv2_b_in1k'], base_lr=1.5e-4, lr=6e-4, batch=1024,
    weight_decay=0.1, betas=[0.9, 0.999], epochs=300, jitter=[0.08, 1.])
TABLES['convnextv2_b_mocov3_ft_in1k'] = dict(
    TABLES['convnextv2_b_ft_in1k'],
    weights='work_dirs/mocov3_convnextv2_b_in1k/epoch_300.pth')

# From DINOv3: recipes of other weights, and the values of its eval/linear.py.
_DINOV3 = 'work_dirs/dinov3/dinov3_convnext_base_pretrain_lvd1689m-'
for _task, _data in (('maskrcnn', 'coco'), ('upernet', 'ade20k')):
    TABLES[f'{_task}_convnextv1_b_dinov3_{_data}'] = dict(
        TABLES[f'{_task}_convnextv1_b_{_data}'], weights=_DINOV3)
TABLES['convnextv1_b_dinov3_linear_in1k'] = dict(
    arch='base',
    optimizer='SGD',
    weight_decay=0.,
    base_lr=0.01,
    batch=1024,
    epochs=10,
    schedule='cosine',
    min_lr=None,
    warmup_length=0,
    layer_decay=None,
    drop_path=0.,
    mixup=None,
    label_smoothing=None,
    ema=None,
    train_size=[224, 224],
    weights=_DINOV3)
TABLES['convnextv2_b_linear_in1k'] = dict(
    TABLES['convnextv1_b_dinov3_linear_in1k'],
    weights='/convnext-v2-base_3rdparty-fcmae_in1k_')
