# Isotropic ConvNeXt (V1) small, from scratch on ImageNet-1K at 224 px, 300
# epochs, 8 GPUs x 32 images x 16 iterations per step (ConvNeXt, Section 3.3):
#   bash tools/dist_train.sh configs/convnextv1_s_isotropic_in1k.py 8
# Expected top-1: 79.7 (ConvNeXt, Table 2; its code's README prints 78.7). Not
# yet reproduced by us. 50 epochs of warm-up and no LayerScale, as in the V1
# code. One stage of 14x14 sites behind patches of 16 px.
_base_ = './convnextv1_b_supervised_in1k.py'

warmup_epochs = 50
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, depths=[18], channels=[384]),
        stem_patch_size=16,
        stem_norm=False,
        layer_scale_init_value=0.,
        drop_path_rate=0.1),
    head=dict(in_channels=384))
param_scheduler = [
    dict(_base_.warmup, end=warmup_epochs),
    dict(_base_.param_scheduler[1], begin=warmup_epochs)
]
