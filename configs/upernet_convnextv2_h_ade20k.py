# UperNet, ConvNeXt V2-H, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv2_h_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.75 to 1.25, flip): 55.0
# (ConvNeXt V2, Table 7). Not yet reproduced by us. Whole images and flip are
# inferred. From FCMAE weights fine-tuned on ImageNet-1K, as there.
# Drop path 0.4: inferred, as V1's largest models have. Decay: layer-wise, the
# paper's for all but Base and Large. Their rule:
#   --cfg-options optim_wrapper.paramwise_cfg.decay_type=group_wise
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-huge_fcmae-pre_3rdparty_in1k_20230104-f795e5b8.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='huge',
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[352, 704, 1408, 2816]),
    auxiliary_head=dict(in_channels=1408))
