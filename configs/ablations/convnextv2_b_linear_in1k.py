# Linear head on frozen ConvNeXt V2 base, ImageNet-1K at 224 px, 10 epochs, 8
# GPUs x 128 images:
#   bash tools/dist_train.sh convnextv2_b_linear_in1k 8
# No top-1 is published. Not yet reproduced by us. Starts from the released
# FCMAE weights; from others, of MoCo V3 (work_dirs/mocov3_convnextv2_b_in1k),
# say, with
#   --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
# Values are those of convnextv1_b_dinov3_linear_in1k.py: DINOv3's.
_base_ = [
    '../_base_/models/classifier_convnextv2_linear.py',
    '../_base_/datasets/imagenet_224_linear.py',
    '../_base_/schedules/imagenet_linear_10e.py',
    '../_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-base_3rdparty-fcmae_in1k_20230104-8a798eaf.pth'  # noqa: E501
model = dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint)))
