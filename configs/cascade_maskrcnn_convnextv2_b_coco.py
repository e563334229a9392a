# Cascade Mask R-CNN, ConvNeXt V2-B, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/cascade_maskrcnn_convnextv2_b_coco.py 8
# No published result: the V2 paper trains no Cascade. The V1 code's recipe,
# but for the warm-up, for V1-B from IN-1K (which reached 52.7 / 45.6) with the
# V2 paper's soft-NMS. From weights fine-tuned on IN-1K, since V1's are
# supervised. Decay: group-wise, as in the V1 code and the V2 paper for Base.
_base_ = './cascade_maskrcnn_convnextv2_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-base_fcmae-pre_3rdparty_in1k_20230104-00a70fa4.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='base',
        drop_path_rate=0.7,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[128, 256, 512, 1024]))

optim_wrapper = dict(paramwise_cfg=dict(decay_rate=0.8))
