# Cascade Mask R-CNN, ConvNeXt V1-XL, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv1_xl_coco.py 8
# Expected box / mask AP: 55.2 / 47.7 (ConvNeXt, Table 3). Not yet reproduced
# by us. Values are the V1 code's, but for the warm-up: 1000 iterations, as
# OpenMMLab, not 500. From the weights that it names: supervised on IN-22K.
# Decay: group-wise; the V1 code calls it layer_wise.
_base_ = './cascade_maskrcnn_convnextv1_l_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-xlarge_3rdparty_in21k_20220124-f909bad7.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='xlarge',
        drop_path_rate=0.8,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[256, 512, 1024, 2048]))
