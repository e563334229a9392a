# UperNet, ConvNeXt V1-XL, ADE20K at 640, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_xl_640_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 54.0
# (ConvNeXt, Table 4); of one scale, without --tta, 53.6. Not yet reproduced by
# us. Values, float32 among them, and protocol are the V1 code's. From its
# weights of ImageNet-22K.
_base_ = './upernet_convnextv1_l_640_ade20k.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-xlarge_3rdparty_in21k_20220124-f909bad7.pth'  # noqa: E501
model = dict(
    backbone=dict(arch='xlarge', init_cfg=dict(checkpoint=checkpoint)),
    decode_head=dict(in_channels=[256, 512, 1024, 2048]),
    auxiliary_head=dict(in_channels=1024))
optim_wrapper = dict(optimizer=dict(lr=8e-5))
