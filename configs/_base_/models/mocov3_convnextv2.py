# MoCo V3 (arXiv 2104.02057) on ConvNeXt V2: mmpretrain's algorithm with the
# settings of its ViT. The features are averaged and normed, as a classifier
# has them.
temperature = 0.2
mlp = dict(
    type='NonLinearNeck',
    hid_channels=4096,
    out_channels=256,
    with_last_bn_affine=False,
    with_avg_pool=False)

model = dict(
    type='MoCoV3',
    base_momentum=0.01,
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    backbone=dict(type='mmconvnextv2.ConvNeXtV2', arch='base'),
    neck=dict(in_channels=1024, num_layers=3, **mlp),
    head=dict(
        type='MoCoV3Head',
        predictor=dict(in_channels=256, num_layers=2, **mlp),
        loss=dict(type='CrossEntropyLoss', loss_weight=2 * temperature),
        temperature=temperature))
