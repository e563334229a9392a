# Cascade Mask R-CNN, ConvNeXt V1-B, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv1_b_coco.py 8
# Expected box / mask AP: 52.7 / 45.6 (ConvNeXt, Table 3). Not yet reproduced
# by us. Values are the V1 code's, but for the warm-up: 1000 iterations, as
# OpenMMLab, not 500. From the weights that it names: supervised on IN-1K,
# without EMA. Decay: group-wise; the V1 code calls it layer_wise.
_base_ = './cascade_maskrcnn_convnextv1_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_32xb128-noema_in1k_20220222-dba4f95f.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='base',
        drop_path_rate=0.7,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[128, 256, 512, 1024]))

optim_wrapper = dict(paramwise_cfg=dict(decay_rate=0.8))
