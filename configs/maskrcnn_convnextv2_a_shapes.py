# Mask R-CNN, ConvNeXt V2 atto, from scratch on the shapes data set, with heads
# small enough for two CPU cores (`make demo`):
#   python tools/train.py configs/maskrcnn_convnextv2_a_shapes.py
_base_ = [
    './_base_/models/maskrcnn_convnextv2.py',
    './_base_/datasets/shapes_instance.py', './_base_/schedules/shapes_14e.py',
    './_base_/detection_runtime.py'
]

num_classes = len(_base_.metainfo.classes)
# From scratch, heads learn faster with a norm.
norm_cfg = dict(type='GN', num_groups=8)
# Without the first stage's map, whose many sites cost most of the time.
strides = [8, 16, 32]
small_roi = dict(
    roi_layer=dict(sampling_ratio=1),
    out_channels=64,
    featmap_strides=strides,
    finest_scale=40)

model = dict(
    data_preprocessor=dict(pad_size_divisor=16),
    backbone=dict(arch='atto', out_indices=[1, 2, 3]),
    neck=dict(
        in_channels=[80, 160, 320],
        out_channels=64,
        num_outs=3,
        norm_cfg=norm_cfg),
    rpn_head=dict(
        in_channels=64,
        feat_channels=64,
        anchor_generator=dict(
            scales=[2, 4], ratios=[1.0], strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=small_roi,
        bbox_head=dict(
            in_channels=64, fc_out_channels=256, num_classes=num_classes),
        mask_roi_extractor=small_roi,
        mask_head=dict(
            num_convs=2,
            in_channels=64,
            conv_out_channels=64,
            norm_cfg=norm_cfg,
            num_classes=num_classes)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=128)),
        rpn_proposal=dict(nms_pre=500, max_per_img=200),
        rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(
        rpn=dict(nms_pre=200, max_per_img=100), rcnn=dict(max_per_img=30)))

default_hooks = dict(logger=dict(interval=20))
