# Faster R-CNN, ConvNeXt V2-T, SARDet-100K, 12 epochs, 8 GPUs x 2 images:
#   bash tools/dist_train.sh configs/fasterrcnn_convnextv2_t_sardet.py 8
# No published result: values are ours, not tuned; we have not run it. Starts
# from weights fine-tuned on ImageNet-1K. Where to get the data:
# docs/which_recipe.md. Decay: group-wise.
_base_ = [
    './_base_/models/fasterrcnn_convnextv2.py', './_base_/datasets/sardet.py',
    './_base_/schedules/coco_1x_batch16.py', './_base_/detection_runtime.py'
]

checkpoint = 'https://download.openmmlab.com/mmclassification/v0/convnext-v2/convnext-v2-tiny_fcmae-pre_3rdparty_in1k_20230104-471a86de.pth'  # noqa: E501
model = dict(
    backbone=dict(
        arch='tiny',
        drop_path_rate=0.2,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    neck=dict(in_channels=[96, 192, 384, 768]),
    roi_head=dict(bbox_head=dict(num_classes=6)))
