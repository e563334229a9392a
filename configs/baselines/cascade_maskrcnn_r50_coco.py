# Cascade Mask R-CNN, ResNet-50, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh cascade_maskrcnn_r50_coco 8
# Expected box / mask AP: 46.3 / 40.1 (ConvNeXt, Table 3). Not yet reproduced
# by us. With mmdet's network, under the recipe of ConvNeXt-T, from OpenMMLab's
# weights of IN-1K. Inferred: the rate, 1e-4, without layer decay; the rest of
# the recipe is that of ConvNeXt-T.
_base_ = '../cascade_maskrcnn_convnextv1_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth'  # noqa: E501
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=50,
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    neck=dict(in_channels=[256, 512, 1024, 2048]))
optim_wrapper = dict(
    constructor='DefaultOptimWrapperConstructor',
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.))
