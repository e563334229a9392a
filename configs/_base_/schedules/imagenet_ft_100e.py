# Fine-tuning of Base and Large (ConvNeXt V2, Table 11): 100 epochs,
# group-wise decay. The table prints a base learning rate of 6.25e-3; 6.25e-4
# is what the training guide of the official code runs.
_base_ = './imagenet_adamw.py'

max_epochs = 100
warmup_epochs = 20
batch_size = 8 * 32 * 4  # GPUs, images, iterations
lr = 6.25e-4 * batch_size / 256

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(_base_.warmup, end=warmup_epochs),
    dict(
        _base_.cosine,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min_ratio=_base_.min_lr / lr)
]
optim_wrapper = dict(
    accumulative_counts=4,
    optimizer=dict(lr=lr),
    paramwise_cfg=dict(decay_rate=0.6, decay_type='group_wise'))
# Once per step.
custom_hooks = [dict(_base_.ema, interval=4)]
