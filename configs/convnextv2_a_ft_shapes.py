# Classifier, ConvNeXt V2 atto, from scratch on the shapes data set, minutes on
# two CPU cores:
#   python tools/train.py configs/convnextv2_a_ft_shapes.py
# Expected top-1: 63 (ours); chance is 20, with a frozen random backbone 34.
# To start from a checkpoint of fcmae_convnextv2_a_shapes.py, add
#   --cfg-options model.backbone.init_cfg.type=Pretrained \
#     model.backbone.init_cfg.prefix=backbone. \
#     model.backbone.init_cfg.checkpoint=CHECKPOINT
_base_ = [
    './_base_/models/classifier_convnextv2.py',
    './_base_/datasets/shapes_classification.py',
    './_base_/schedules/shapes_classification_20e.py',
    './_base_/classification_runtime.py'
]

num_classes = len(_base_.metainfo.classes)
model = dict(
    data_preprocessor=dict(num_classes=num_classes),
    backbone=dict(arch='atto'),
    head=dict(num_classes=num_classes, in_channels=320))

default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=5))
