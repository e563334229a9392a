# UperNet, ConvNeXt V2-T, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv2_t_ade20k.py 8
# No figure is published: the paper trains B, L and H, whose recipe this is.
# From FCMAE weights fine-tuned on ImageNet-1K, as theirs. Not yet reproduced
# by us. Decay: layer-wise, the paper's default. Drop path 0.4: inferred,
# the V1 code's for this size.
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-tiny_fcmae-pre_3rdparty_in1k_20230104-471a86de.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='tiny',
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
