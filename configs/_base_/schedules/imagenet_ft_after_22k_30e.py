# ImageNet-1K after ImageNet-22K (ConvNeXt V2, Table 13): 30 epochs without
# warm-up, as for Base, Large and Huge. The types of decay are those of
# Appendix A.2: group-wise for Base and Large.
_base_ = './imagenet_adamw.py'

max_epochs = 30
batch_size = 8 * 16 * 4  # GPUs, images, iterations
lr = 2.5e-5 * batch_size / 256

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(_base_.cosine, end=max_epochs, eta_min_ratio=_base_.min_lr / lr)
]
optim_wrapper = dict(
    accumulative_counts=4,
    optimizer=dict(lr=lr, weight_decay=1e-8),
    paramwise_cfg=dict(decay_rate=0.8, decay_type='group_wise'))
# Once per step.
custom_hooks = [dict(_base_.ema, interval=4)]

# For --auto-scale-lr, which counts the images of one iteration.
auto_scale_lr = dict(enable=False, base_batch_size=8 * 16)
