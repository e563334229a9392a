# 12 epochs at a total batch of 16.
_base_ = './coco_3x_batch16.py'

max_epochs = 12
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=max_epochs, milestones=[8, 11])
]
