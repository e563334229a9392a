# ViT-B with BEiT, fine-tuned on ImageNet-1K at 224 px, 100 epochs, 8 GPUs x 32
# images x 4 iterations per step:
#   bash tools/dist_train.sh vit_b_beit_ft_in1k 8
# Expected top-1: 83.2 (ConvNeXt V2, Table 4, after 800 epochs). Not yet
# reproduced by us. Starts from OpenMMLab's weights of 300 epochs. BEiT's own
# values, as mmpretrain has them (lr, layer-wise decay, pixels' mean and
# deviation, no EMA); images and evaluation are those of
# convnextv2_b_ft_in1k.py.
_base_ = '../convnextv2_b_ft_in1k.py'

checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/beit/beit_vit-base-p16_8xb256-amp-coslr-300e_in1k/beit_vit-base-p16_8xb256-amp-coslr-300e_in1k_20221128-ab79e626.pth'  # noqa: E501
lr = 4e-3
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),
    backbone=dict(
        _delete_=True,
        type='BEiTViT',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='avg_featmap',
        use_abs_pos_emb=False,
        use_rel_pos_bias=True,
        use_shared_rel_pos_bias=False,
        init_cfg=dict(
            type='Pretrained', checkpoint=checkpoint, prefix='backbone.')),
    head=dict(in_channels=768, init_cfg=dict(std=0.02)))
optim_wrapper = dict(
    optimizer=dict(lr=lr),
    paramwise_cfg=dict(
        decay_rate=0.65,
        decay_type='layer_wise',
        custom_keys=dict(
            cls_token=dict(decay_mult=0.),
            relative_position_bias_table=dict(decay_mult=0.))))
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], eta_min_ratio=_base_.min_lr / lr)
]
custom_hooks = []
