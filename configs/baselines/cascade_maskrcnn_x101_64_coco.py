# Cascade Mask R-CNN, ResNeXt-101 64x4d, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh cascade_maskrcnn_x101_64_coco 8
# Expected box / mask AP: 48.3 / 41.7 (ConvNeXt, Table 3). Not yet reproduced
# by us. With mmdet's network, under the recipe of ConvNeXt-T, from OpenMMLab's
# weights of IN-1K. Inferred: the rate, 1e-4, without layer decay; the rest of
# the recipe is that of ConvNeXt-T.
_base_ = './cascade_maskrcnn_x101_32_coco.py'

checkpoint = 'https://download.openmmlab.com/pretrain/third_party/resnext101_64x4d-ee2c6f71.pth'  # noqa: E501
model = dict(
    backbone=dict(groups=64, init_cfg=dict(checkpoint=checkpoint)))
