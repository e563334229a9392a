# Fine-tuning on a few thousand images, 50 epochs. Ours, not tuned.
_base_ = './imagenet_adamw.py'

max_epochs = 50
warmup_epochs = 5
batch_size = 8 * 8  # GPUs, images
lr = 1e-4

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
    optimizer=dict(lr=lr),
    paramwise_cfg=dict(decay_rate=0.8, decay_type='layer_wise'))
auto_scale_lr = dict(enable=False, base_batch_size=batch_size)
