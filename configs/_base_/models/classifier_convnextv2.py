# Classifier on ConvNeXt V2 with label smoothing of 0.1, from scratch.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        num_classes=1000,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(type='mmconvnextv2.ConvNeXtV2', arch='base'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1024,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
        # Not 'TruncNormal': its bounds, -2 and 2, would never be met, but by
        # rounding MMEngine puts one in 17 million weights there.
        init_cfg=dict(type='Normal', layer='Linear', std=0.02, bias=0.)))

# In each batch one of the two, at even odds (mmpretrain's default).
mixup = [dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]
