# Linear head on frozen ConvNeXt V2 atto, on the shapes data set, a minute or
# two on two CPU cores:
#   python tools/train.py convnextv2_a_linear_shapes
# Top-1: 49 on FCMAE's features, 38 on random ones (ours, one seed each).
# Random features, unless a checkpoint of fcmae_convnextv2_a_shapes.py or
# mocov3_convnextv2_a_shapes.py is named:
#   --cfg-options model.backbone.init_cfg.type=Pretrained \
#     model.backbone.init_cfg.prefix=backbone. \
#     model.backbone.init_cfg.checkpoint=CHECKPOINT
_base_ = '../convnextv2_a_ft_shapes.py'

model = dict(
    backbone=dict(frozen_stages=4),
    head=dict(
        loss=dict(_delete_=True, type='CrossEntropyLoss'),
        init_cfg=dict(std=0.01)))
optim_wrapper = dict(optimizer=dict(lr=1e-2, weight_decay=0.))
