# ViT-B with MAE, fine-tuned on ImageNet-1K at 224 px, 100 epochs, 8 GPUs x 32
# images x 4 iterations per step:
#   bash tools/dist_train.sh vit_b_mae_ft_in1k 8
# Expected top-1: 83.6 (ConvNeXt V2, Table 4). Not yet reproduced by us. MAE's
# own values, as mmpretrain has them (lr, layer-wise decay, warm-up, no EMA);
# images and evaluation are those of convnextv2_b_ft_in1k.py. Starts from
# OpenMMLab's weights of 1600 epochs.
_base_ = '../convnextv2_b_ft_in1k.py'

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/mae/mae_vit-base-p16_8xb512-fp16-coslr-1600e_in1k/mae_vit-base-p16_8xb512-fp16-coslr-1600e_in1k_20220825-f7569ca2.pth'  # noqa: E501
lr = 2e-3
model = dict(
    backbone=dict(
        _delete_=True,
        type='VisionTransformer',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='avg_featmap',
        final_norm=False,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    head=dict(in_channels=768))
optim_wrapper = dict(
    optimizer=dict(lr=lr),
    paramwise_cfg=dict(
        decay_rate=0.65,
        decay_type='layer_wise',
        custom_keys=dict(
            cls_token=dict(decay_mult=0.), pos_embed=dict(decay_mult=0.))))
param_scheduler = [
    dict(_base_.warmup, end=5),
    dict(
        _base_.cosine,
        begin=5,
        end=_base_.max_epochs,
        eta_min_ratio=_base_.min_lr / lr)
]
custom_hooks = []
