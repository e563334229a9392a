# UperNet, ConvNeXt V1-T, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_t_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 46.7
# (ConvNeXt, Table 4); of one scale, without --tta, 46.0. Not yet reproduced
# by us. Values and protocol are the V1 code's. From the weights that it names:
# supervised on ImageNet-1K, without EMA.
_base_ = './upernet_convnextv1_b_ade20k.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/downstream/convnext-tiny_3rdparty_32xb128-noema_in1k_20220301-795e9634.pth'  # noqa: E501
model = dict(
    backbone=dict(arch='tiny', init_cfg=dict(checkpoint=checkpoint)),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
