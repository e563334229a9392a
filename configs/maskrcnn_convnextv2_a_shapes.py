# Mask R-CNN, ConvNeXt V2 atto, from scratch on the shapes data set, with heads
# small enough for two CPU cores (`make demo`):
#   python tools/train.py configs/maskrcnn_convnextv2_a_shapes.py
_base_ = [
    './_base_/models/maskrcnn_convnextv2.py',
    './_base_/models/shapes_detector.py',
    './_base_/datasets/shapes_instance.py', './_base_/schedules/shapes_14e.py',
    './_base_/detection_runtime.py'
]

num_classes = len(_base_.metainfo.classes)
model = dict(
    roi_head=dict(
        bbox_head=dict(
            in_channels=64, fc_out_channels=256, num_classes=num_classes),
        mask_head=dict(num_classes=num_classes, **_base_.small_mask_head),
        **_base_.small_roi_head),
    train_cfg=dict(
        rcnn=dict(sampler=dict(num=64)), **_base_.small_rpn_train),
    **_base_.small_detector)

default_hooks = dict(logger=dict(interval=20))
