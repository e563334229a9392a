# FCMAE, ConvNeXt V2 atto, on the shapes data set, minutes on two CPU cores:
#   python tools/train.py configs/fcmae_convnextv2_a_shapes.py
# The loss is about 1 for predicting every patch's mean.
_base_ = [
    './_base_/models/fcmae_convnextv2.py',
    './_base_/datasets/shapes_fcmae.py', './_base_/schedules/fcmae_shapes.py',
    './_base_/selfsup_runtime.py'
]

model = dict(
    backbone=dict(arch='atto'),
    neck=dict(in_channels=320, decoder_channels=256))

default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=10))
