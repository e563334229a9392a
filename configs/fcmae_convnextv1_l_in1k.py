# FCMAE, ConvNeXt (V1) large, ImageNet-1K, 800 epochs, 8 GPUs x 64 images x 8
# iterations per step (ConvNeXt V2, Table 8):
#   bash tools/dist_train.sh configs/fcmae_convnextv1_l_in1k.py 8
# After fine-tuning (convnextv1_l_ft_in1k.py): 84.4 % top-1 (ConvNeXt V2, Table
# 3, "V1 + FCMAE"). Not yet reproduced by us. The decoder has V1's block, too.
_base_ = [
    './_base_/models/fcmae_convnextv1.py',
    './_base_/datasets/imagenet_fcmae.py', './_base_/schedules/fcmae_800e.py',
    './_base_/selfsup_runtime.py'
]

model = dict(backbone=dict(arch='large'), neck=dict(in_channels=1536))
