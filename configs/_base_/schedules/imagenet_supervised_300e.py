# From scratch, 300 epochs (ConvNeXt, Appendix A.1 and the training guide of
# its official code). No layer decay: a rate of 1.
_base_ = './imagenet_adamw.py'

max_epochs = 300
warmup_epochs = 20
batch_size = 8 * 32 * 16  # GPUs, images, iterations
lr = 4e-3 * batch_size / 4096

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
    accumulative_counts=16,
    optimizer=dict(lr=lr),
    paramwise_cfg=dict(decay_rate=1.0, decay_type='layer_wise'))
# Once per step.
custom_hooks = [dict(_base_.ema, interval=16)]
