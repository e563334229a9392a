# Fine-tuning from a checkpoint that the leaf names, without mixup (ConvNeXt
# V2, Table 13).
_base_ = './classifier_convnextv2.py'

model = dict(
    backbone=dict(init_cfg=dict(type='Pretrained', prefix='backbone.')),
    # 0.02 times 0.001.
    head=dict(init_cfg=dict(std=2e-5)))
