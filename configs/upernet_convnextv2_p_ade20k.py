# UperNet, ConvNeXt V2-P, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv2_p_ade20k.py 8
# No figure is published: the paper trains B, L and H, whose recipe this is.
# From FCMAE weights fine-tuned on ImageNet-1K, as theirs. Not yet reproduced
# by us. Decay: layer-wise, the paper's default. Drop path 0.1: inferred,
# the lowest of the paper's sweep.
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-pico_fcmae-pre_3rdparty_in1k_20230104-d20263ca.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='pico',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[64, 128, 256, 512]),
    auxiliary_head=dict(in_channels=256))
