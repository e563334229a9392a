# Cascade Mask R-CNN, ConvNeXt V2 atto, from scratch on the shapes data set,
# small enough for two CPU cores (`make demo TASK=cascade_maskrcnn`):
#   python tools/train.py configs/cascade_maskrcnn_convnextv2_a_shapes.py
_base_ = [
    './_base_/models/cascade_maskrcnn_convnextv2.py',
    './_base_/models/shapes_detector.py',
    './_base_/datasets/shapes_instance.py', './_base_/schedules/shapes_14e.py',
    './_base_/detection_runtime.py'
]

num_classes = len(_base_.metainfo.classes)
# Two linear layers instead of four convolutions and one.
small = dict(
    in_channels=64, num_shared_convs=0, num_shared_fcs=2, fc_out_channels=256,
    num_classes=num_classes)
model = dict(
    roi_head=dict(
        bbox_head=[dict(x, **small) for x in _base_.model.roi_head.bbox_head],
        mask_head=dict(num_classes=num_classes, **_base_.small_mask_head),
        **_base_.small_roi_head),
    train_cfg=dict(
        rcnn=[dict(x, sampler=dict(x.sampler, num=32))
              for x in _base_.model.train_cfg.rcnn],
        **_base_.small_rpn_train),
    **_base_.small_detector)
