# UperNet, ConvNeXt V1-B, ADE20K at 640, 160K iterations, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/upernet_convnextv1_b_640_ade20k.py 8
# Expected mIoU with test.py --tta (whole images, 0.5 to 1.75, flip): 53.1
# (ConvNeXt, Table 4); of one scale, without --tta, 52.6. Not yet reproduced by
# us. Values and protocol are the V1 code's. From its weights of ImageNet-22K.
_base_ = [
    './_base_/models/upernet_convnextv2.py',
    './_base_/datasets/ade20k_640_v1.py', './_base_/schedules/ade20k_160k.py',
    './_base_/segmentation_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_3rdparty_in21k_20220124-13b83eec.pth'  # noqa: E501
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        use_grn=False,
        layer_scale_init_value=1e-6,
        drop_path_rate=0.4,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    test_cfg=dict(crop_size=_base_.crop_size, stride=(426, 426)))
optim_wrapper = dict(paramwise_cfg=dict(decay_type='stage_wise'))
