# From scratch with mixup and CutMix (ConvNeXt, Appendix A.1).
_base_ = './classifier_convnextv2.py'

model = dict(train_cfg=dict(augments=_base_.mixup))
