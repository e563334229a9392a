# UperNet, ConvNeXt V2-H, ADE20K at 640, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv2_h_640_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.75 to 1.25, flip): 57.0
# (ConvNeXt V2, Table 7). Not yet reproduced by us. The paper's starts from
# ImageNet-22K alone. No such H is released: here then 1K at 512 px, the
# nearest; or the last checkpoint of your own convnextv2_h_ft_in22k.py:
#   --cfg-options model.backbone.init_cfg.checkpoint=CHECKPOINT
# The rest is inferred as in upernet_convnextv2_h_ade20k.py.
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k_640.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-huge_fcmae-in21k-pre_3rdparty_in1k-512px_20230104-ce32e63c.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        arch='huge',
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[352, 704, 1408, 2816]),
    auxiliary_head=dict(in_channels=1408),
    test_cfg=dict(crop_size=_base_.crop_size, stride=(426, 426)))
