# Cascade Mask R-CNN, ConvNeXt V1-L, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv1_l_coco.py 8
# Expected box / mask AP: 54.8 / 47.6 (ConvNeXt, Table 3). Not yet reproduced
# by us. Values are the V1 code's, but for the warm-up: 1000 iterations, as
# OpenMMLab, not 500. From the weights that it names: supervised on IN-22K.
# Decay: group-wise; the V1 code calls it layer_wise.
_base_ = './cascade_maskrcnn_convnextv1_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-large_3rdparty_in21k_20220124-41b5a79f.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.7,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[192, 384, 768, 1536]))

# In float32.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=1e-4))
