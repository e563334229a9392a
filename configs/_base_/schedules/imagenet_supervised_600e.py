# From scratch, 600 epochs, for Atto to Nano. Inferred: the authors give no
# recipe for these sizes; a thread on timm's smaller ConvNeXts mentions 600
# (github.com/huggingface/pytorch-image-models, issue 1706).
_base_ = './imagenet_supervised_300e.py'

max_epochs = 600

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(_base_.warmup, end=_base_.warmup_epochs),
    dict(
        _base_.cosine,
        begin=_base_.warmup_epochs,
        end=max_epochs,
        eta_min_ratio=_base_.min_lr / _base_.lr)
]
