# ConvNeXt V2 femto, from scratch on ImageNet-1K at 224 px, 600 epochs, 8 GPUs
# x 32 images x 16 iterations per step:
#   bash tools/dist_train.sh configs/convnextv2_f_supervised_in1k.py 8
# Expected top-1: 78.0 (ConvNeXt V2, Table 14, "Supervised"). Not yet
# reproduced by us. All inferred: the recipe of ConvNeXt (V1) for Tiny, with
# 600 epochs, drop path and mixup as in ConvNeXt V2's Table 9. No weights to
# start from, no layer decay.
_base_ = [
    './_base_/models/classifier_convnextv2_supervised.py',
    './_base_/datasets/imagenet_224.py',
    './_base_/schedules/imagenet_supervised_600e.py',
    './_base_/classification_runtime.py'
]

model = dict(
    backbone=dict(arch='femto', drop_path_rate=0.),
    head=dict(in_channels=384),
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.3),
        dict(type='CutMix', alpha=0.3)
    ]))
