# Swin-B with SimMIM, fine-tuned on ImageNet-1K at 224 px, 100 epochs, 8 GPUs x
# 32 images x 8 iterations per step:
#   bash tools/dist_train.sh swin_b_simmim_ft_in1k 8
# Expected top-1: 84.0 (ConvNeXt V2, Table 4). Not yet reproduced by us.
# SimMIM's own values, as mmpretrain has them (batch, lr, layer-wise decay, no
# EMA); images and evaluation are those of convnextv2_b_ft_in1k.py. Starts from
# OpenMMLab's weights of 800 epochs at 192 px.
_base_ = '../convnextv2_b_ft_in1k.py'

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/simmim/simmim_swin-base_16xb128-amp-coslr-800e_in1k-192/simmim_swin-base_16xb128-amp-coslr-800e_in1k-192_20220916-a0e931ac.pth'  # noqa: E501
lr = 5e-3
model = dict(
    backbone=dict(
        _delete_=True,
        type='SwinTransformer',
        arch='base',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(init_cfg=dict(std=0.02)))
optim_wrapper = dict(
    accumulative_counts=8,
    optimizer=dict(lr=lr),
    clip_grad=dict(max_norm=5.),
    paramwise_cfg=dict(
        decay_rate=0.9,
        decay_type='layer_wise',
        custom_keys=dict(
            relative_position_bias_table=dict(decay_mult=0.))))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=_base_.min_lr / lr)
]
custom_hooks = []
