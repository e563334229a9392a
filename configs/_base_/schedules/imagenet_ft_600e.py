# Fine-tuning of Atto, Femto, Pico and Nano (ConvNeXt V2, Table 9): 600
# epochs, no warm-up, layer-wise decay. Femto has its own weight decay.
_base_ = './imagenet_adamw.py'

max_epochs = 600
batch_size = 8 * 32 * 4  # GPUs, images, iterations
lr = 2e-4 * batch_size / 256

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(_base_.cosine, end=max_epochs, eta_min_ratio=_base_.min_lr / lr)
]
optim_wrapper = dict(
    accumulative_counts=4,
    optimizer=dict(lr=lr, weight_decay=0.3),
    paramwise_cfg=dict(decay_rate=0.9, decay_type='layer_wise'))
# Once per step.
custom_hooks = [dict(_base_.ema, interval=4)]
