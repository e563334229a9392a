# UperNet, ConvNeXt V1-L, ADE20K at 640, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_l_640_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 53.7
# (ConvNeXt, Table 4); of one scale, without --tta, 53.2. Not yet reproduced by
# us. Values, float32 among them, and protocol are the V1 code's. From its
# weights of ImageNet-22K.
_base_ = './upernet_convnextv1_b_640_ade20k.py'

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-large_3rdparty_in21k_20220124-41b5a79f.pth'  # noqa: E501
model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint=checkpoint)),
    decode_head=dict(in_channels=[192, 384, 768, 1536]),
    auxiliary_head=dict(in_channels=768))
optim_wrapper = dict(type='OptimWrapper')
