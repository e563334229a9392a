# Mask R-CNN, ConvNeXt V2-F, COCO, 36 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/maskrcnn_convnextv2_f_coco.py 8
# No published result: the V2 paper trains B, L and H only. As T in all but
# size and drop path (0.1 instead of 0.4, inferred: a smaller model needs
# less). From weights fine-tuned on IN-1K, as T. Decay: group-wise, as in the
# V1 code.
_base_ = './maskrcnn_convnextv2_t_coco.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-femto_fcmae-pre_3rdparty_in1k_20230104-92a75d75.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='femto',
        drop_path_rate=0.1,
        init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(in_channels=[48, 96, 192, 384]))
