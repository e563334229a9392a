# 300 epochs, AdamW, cosine: MoCo V3's values for ViT. A batch of 1024 for its
# 4096, and the rate in proportion: gradients summed up over iterations would
# not widen the choice of negatives.
_base_ = './fcmae_800e.py'

max_epochs = 300
batch_size = 8 * 128  # GPUs, images

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [_base_.warmup, dict(_base_.cosine, end=max_epochs)]
optim_wrapper = dict(
    accumulative_counts=1,
    optimizer=dict(
        lr=1.5e-4 * batch_size / 256, betas=(0.9, 0.999), weight_decay=0.1))
auto_scale_lr = dict(base_batch_size=batch_size)
