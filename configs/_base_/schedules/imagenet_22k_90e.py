# Fine-tuning on ImageNet-22K (ConvNeXt V2, Table 12): 90 epochs without EMA,
# as for Base, Large and Huge; Nano and Tiny have a decay of their own. The
# types of decay are those of Appendix A.2: group-wise for Base and Large.
_base_ = './imagenet_adamw.py'

max_epochs = 90
warmup_epochs = 5
batch_size = 8 * 32 * 16  # GPUs, images, iterations
lr = 2.5e-4 * batch_size / 256

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
    paramwise_cfg=dict(decay_rate=0.8, decay_type='group_wise'))
