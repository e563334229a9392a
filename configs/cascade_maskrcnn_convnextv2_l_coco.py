# Cascade Mask R-CNN, ConvNeXt V2-L, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv2_l_coco.py 8
# No published result: the V2 paper trains no Cascade. The V1 code's recipe,
# but for the warm-up, for V1-L from IN-22K (which reached 54.8 / 47.6) with
# the V2 paper's soft-NMS. From weights fine-tuned on IN-22K, then 1K: none of
# 22K alone are released. Decay: group-wise, as in the V1 code and the V2 paper
# for Large.
_base_ = './cascade_maskrcnn_convnextv2_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-large_fcmae-in21k-pre_3rdparty_in1k_20230104-d9c4dc0c.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='large',
        drop_path_rate=0.7,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[192, 384, 768, 1536]))

# In float32, and at half the rate, as in the V1 code from IN-22K.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(lr=1e-4))
