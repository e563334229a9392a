# From scratch, 600 epochs, for Atto to Nano. Inferred: the authors give no
# recipe for these sizes; a thread on timm's smaller ConvNeXts mentions 600
# (github.com/huggingface/pytorch-image-models, issue 1706).
_base_ = './imagenet_supervised_300e.py'

max_epochs = 600

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=max_epochs)
]
