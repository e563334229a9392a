# UperNet, ConvNeXt V1-S, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_s_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 49.6
# (ConvNeXt, Table 4); of one scale, without --tta, 48.7. Not yet reproduced
# by us. Values and protocol are the V1 code's. From the weights that it names:
# supervised on ImageNet-1K, without EMA.
_base_ = './upernet_convnextv1_t_ade20k.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/downstream/convnext-small_3rdparty_32xb128-noema_in1k_20220301-303e75e3.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='small',
        drop_path_rate=0.3,
        init_cfg=dict(checkpoint=checkpoint)))
