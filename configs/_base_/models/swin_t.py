# Swin-T, from OpenMMLab's weights of IN-1K, without layer decay.
_base_ = './swin.py'

swin_t_weights = 'https://download.openmmlab.com/mmclassification/v0/swin-transformer/swin_tiny_224_b16x64_300e_imagenet_20210616_090925-66df6be6.pth'  # noqa: E501
swin_t = dict(
    _base_.swin,
    arch='tiny',
    drop_path_rate=0.2,
    init_cfg=dict(_base_.swin.init_cfg, checkpoint=swin_t_weights))
swin_paramwise = dict(norm_decay_mult=0., custom_keys=_base_.undecayed)
