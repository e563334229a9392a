# UperNet, ConvNeXt V2-N, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv2_n_ade20k.py 8
# No figure is published: the paper trains B, L and H, whose recipe this is.
# From FCMAE weights fine-tuned on ImageNet-1K, as theirs. Not yet reproduced
# by us. Decay: layer-wise, the paper's default. Drop path 0.1: inferred,
# the lowest of the paper's sweep.
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-nano_fcmae-pre_3rdparty_in1k_20230104-fe1aaaf2.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='nano',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[80, 160, 320, 640]),
    auxiliary_head=dict(in_channels=320))
