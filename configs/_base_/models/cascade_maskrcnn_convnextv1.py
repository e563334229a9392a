# The V1 code's Cascade Mask R-CNN: V1 blocks, plain NMS for the boxes.
_base_ = './cascade_maskrcnn_convnextv2.py'

model = dict(
    backbone=dict(use_grn=False, layer_scale_init_value=1e-6),
    test_cfg=dict(rcnn=dict(nms=dict(type='nms'))))
