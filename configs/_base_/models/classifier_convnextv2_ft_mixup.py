# Fine-tuning with mixup and CutMix (ConvNeXt V2, Tables 10 to 12).
_base_ = './classifier_convnextv2_ft.py'

model = dict(train_cfg=dict(augments=_base_.mixup))
