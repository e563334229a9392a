# FCMAE, ConvNeXt V2 nano, ImageNet-1K, 800 epochs, 8 GPUs x 64 images x 8
# iterations per step (ConvNeXt V2, Table 8):
#   bash tools/dist_train.sh configs/fcmae_convnextv2_n_in1k.py 8
# No figure is published: the paper's for this size are of 1600 epochs
# (fcmae_convnextv2_n_1600e_in1k.py). Not yet reproduced by us.
_base_ = [
    './_base_/models/fcmae_convnextv2.py',
    './_base_/datasets/imagenet_fcmae.py', './_base_/schedules/fcmae_800e.py',
    './_base_/selfsup_runtime.py'
]

model = dict(backbone=dict(arch='nano'), neck=dict(in_channels=640))
