# UperNet, ConvNeXt V1-B, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_b_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 49.9
# (ConvNeXt V2, Table 7; the V1 code's README); of one scale, without --tta,
# 49.1. Not yet reproduced by us. Values and protocol are the V1 code's. From
# the weights that it names: supervised on ImageNet-1K, without EMA.
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k_v1.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_32xb128-noema_in1k_20220222-dba4f95f.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='base',
        use_grn=False,
        layer_scale_init_value=1e-6,
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[128, 256, 512, 1024]),
    auxiliary_head=dict(in_channels=512))
optim_wrapper = dict(paramwise_cfg=dict(decay_type='stage_wise'))
