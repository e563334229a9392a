# Cascade Mask R-CNN, Swin-T, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh cascade_maskrcnn_swin_t_coco 8
# Expected box / mask AP: 50.4 / 43.7 (ConvNeXt, Table 3). Not yet reproduced
# by us. With mmpretrain's Swin, under the recipe of ConvNeXt-T, from
# OpenMMLab's weights of IN-1K. Inferred: the rate, 1e-4, without layer decay,
# and drop path 0.2, as Swin's authors have them.
_base_ = [
    '../cascade_maskrcnn_convnextv1_t_coco.py', '../_base_/models/swin_t.py'
]

model = dict(backbone=dict(_base_.swin_t, _delete_=True))
optim_wrapper = dict(
    constructor='DefaultOptimWrapperConstructor',
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(_base_.swin_paramwise, _delete_=True))
