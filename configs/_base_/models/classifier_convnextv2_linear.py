# A linear head on frozen features. Their last norm is trained with it, whose
# scale and shift a linear head contains.
_base_ = './classifier_convnextv2_ft.py'

model = dict(
    backbone=dict(frozen_stages=4),
    head=dict(
        loss=dict(_delete_=True, type='CrossEntropyLoss'),
        init_cfg=dict(std=0.01)))
