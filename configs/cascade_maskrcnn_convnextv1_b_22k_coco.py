# Cascade Mask R-CNN, ConvNeXt V1-B, COCO, 36 epochs, 8 GPUs x 2 images:
#  bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv1_b_22k_coco.py 8
# Expected box / mask AP: 54.0 / 46.9 (ConvNeXt, Table 3). Not yet reproduced
# by us. Values are the V1 code's, but for the warm-up: 1000 iterations, as
# OpenMMLab, not 500. From the weights that it names: supervised on IN-22K.
# Decay: group-wise; the V1 code calls it layer_wise.
_base_ = './cascade_maskrcnn_convnextv1_b_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_in21k_20220124-13b83eec.pth'  # noqa: E501
model = dict(
    backbone=dict(
        drop_path_rate=0.6,
        init_cfg=dict(checkpoint=checkpoint)))

optim_wrapper = dict(optimizer=dict(lr=1e-4))
