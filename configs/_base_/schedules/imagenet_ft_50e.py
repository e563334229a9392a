# Fine-tuning of Huge (ConvNeXt V2, Table 11): 50 epochs. The table leaves
# the type of decay open; group-wise is inferred from Base and Large.
_base_ = './imagenet_adamw.py'

max_epochs = 50
warmup_epochs = 10
batch_size = 8 * 32 * 4  # GPUs, images, iterations
lr = 1.25e-3 * batch_size / 256

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
    optimizer=dict(lr=lr, weight_decay=0.05),
    paramwise_cfg=dict(decay_rate=0.75, decay_type='group_wise'))
# Once per step.
custom_hooks = [dict(_base_.ema, interval=4)]

# For --auto-scale-lr, which counts the images of one iteration.
auto_scale_lr = dict(enable=False, base_batch_size=8 * 32)
