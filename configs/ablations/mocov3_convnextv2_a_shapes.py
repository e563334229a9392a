# MoCo V3, ConvNeXt V2 atto, on the shapes data set, minutes on two CPU cores:
#   python tools/train.py mocov3_convnextv2_a_shapes
# The loss, 3.7 for guessing, falls to 2.4 in 10 epochs (ours). Then how many
# nearest neighbours are of an image's class:
#   python tools/analyze.py knn --images data/shapes/imagenet/train \
#     --queries data/shapes/imagenet/val --size 32 --out OUT \
#     --model moco mocov3_convnextv2_a_shapes CHECKPOINT
_base_ = [
    '../_base_/models/mocov3_convnextv2.py',
    '../_base_/datasets/shapes_mocov3.py',
    '../_base_/schedules/fcmae_shapes.py', '../_base_/selfsup_runtime.py'
]

model = dict(
    base_momentum=0.02,
    backbone=dict(arch='atto'),
    neck=dict(in_channels=320, hid_channels=512, out_channels=128),
    head=dict(
        predictor=dict(in_channels=128, hid_channels=512, out_channels=128)))
custom_hooks = []
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=10))
auto_scale_lr = dict(base_batch_size=100)
