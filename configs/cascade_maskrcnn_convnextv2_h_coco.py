# Cascade Mask R-CNN, ConvNeXt V2-H, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv2_h_coco.py 8
# No published result: the V2 paper trains no Cascade. As L, with drop path
# 0.8, V1-XL's in the V1 code (inferred: the nearest size). From weights
# fine-tuned on IN-22K, then 1K, at 512 px, of those released the nearest to
# detection. Decay: layer-wise at 0.95, as Mask R-CNN's H; L's rule and rate:
#   --cfg-options optim_wrapper.paramwise_cfg.decay_type=group_wise \
#     optim_wrapper.paramwise_cfg.decay_rate=0.7
_base_ = './cascade_maskrcnn_convnextv2_l_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-huge_fcmae-in21k-pre_3rdparty_in1k-512px_20230104-ce32e63c.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='huge',
        drop_path_rate=0.8,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[352, 704, 1408, 2816]))

optim_wrapper = dict(
    paramwise_cfg=dict(decay_rate=0.95, decay_type='layer_wise'))
