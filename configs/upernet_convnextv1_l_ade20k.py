# UperNet, ConvNeXt V1-L, ADE20K at 512, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_l_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 50.5
# (ConvNeXt V2, Table 7). Not yet reproduced by us. Inferred: the V1 code's
# values for L at 640, float32 among them, and its protocol. From weights
# supervised on ImageNet-1K, the only ones converted (EMA).
_base_ = [
    './_base_/models/upernet_convnextv2.py', './_base_/datasets/ade20k_v1.py',
    './_base_/schedules/ade20k_160k.py', './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-large_3rdparty_64xb64_in1k_20220124-f8a0ded0.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='large',
        use_grn=False,
        layer_scale_init_value=1e-6,
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    decode_head=dict(in_channels=[192, 384, 768, 1536]),
    auxiliary_head=dict(in_channels=768))
optim_wrapper = dict(
    type='OptimWrapper', paramwise_cfg=dict(decay_type='stage_wise'))
