# FCMAE, ConvNeXt V2 huge, ImageNet-1K, 800 epochs, 8 GPUs x 64 images x 8
# iterations per step (ConvNeXt V2, Table 8):
#   bash tools/dist_train.sh configs/fcmae_convnextv2_h_in1k.py 8
# After fine-tuning at 224 px: 85.8 % top-1 (ConvNeXt V2, Tables 3 and 4). Not
# yet reproduced by us.
_base_ = [
    './_base_/models/fcmae_convnextv2.py',
    './_base_/datasets/imagenet_fcmae.py', './_base_/schedules/fcmae_800e.py',
    './_base_/selfsup_runtime.py'
]

model = dict(backbone=dict(arch='huge'), neck=dict(in_channels=2816))
