# Mask R-CNN, Swin-T, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh maskrcnn_swin_t_coco 8
# Expected box / mask AP: 46.0 / 41.6 (ConvNeXt, Table 3). Not yet reproduced
# by us. With mmpretrain's Swin, under the recipe of ConvNeXt-T, from
# OpenMMLab's weights of IN-1K. Inferred: the rate, 1e-4, without layer decay,
# and drop path 0.2, as Swin's authors have them.
_base_ = '../maskrcnn_convnextv1_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/swin-transformer/swin_tiny_224_b16x64_300e_imagenet_20210616_090925-66df6be6.pth'  # noqa: E501
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.SwinTransformer',
        arch='tiny',
        pad_small_map=True,
        drop_path_rate=0.2,
        out_indices=[0, 1, 2, 3],
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')))
optim_wrapper = dict(
    constructor='DefaultOptimWrapperConstructor',
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(
        _delete_=True,
        norm_decay_mult=0.,
        custom_keys={'relative_position_bias_table': dict(decay_mult=0.)}))
