# ConvNeXt V2 base, fine-tuned on ImageNet-1K at 224 px, 100 epochs, 8 GPUs x
# 32 images x 4 iterations per step (ConvNeXt V2, Table 11):
#   bash tools/dist_train.sh configs/convnextv2_b_ft_in1k.py 8
# Expected top-1: 84.9 (ConvNeXt V2, Table 14). Not yet reproduced by us.
# Starts from the released FCMAE weights (1600 epochs), as in the paper. Decay:
# group-wise (the paper's word).
_base_ = [
    './_base_/models/classifier_convnextv2_ft_mixup.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_ft_100e.py',
    './_base_/classification_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-base_3rdparty-fcmae_in1k_20230104-8a798eaf.pth'  # noqa: E501

model = dict(
    backbone=dict(drop_path_rate=0.1, init_cfg=dict(checkpoint=checkpoint)))
