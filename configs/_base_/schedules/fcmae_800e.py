# 800 epochs, AdamW, cosine (ConvNeXt V2, Table 8). Batch 4096: 8 GPUs, 64
# images each, gradients of 8 iterations summed up. In bfloat16; the paper's
# runs and the official script are in float32.
max_epochs = 800
warmup_epochs = 40
batch_size = 8 * 64 * 8  # GPUs, images, iterations

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)

warmup = dict(
    type='LinearLR',
    start_factor=1e-6,
    by_epoch=True,
    begin=0,
    end=warmup_epochs,
    convert_to_iter_based=True)
cosine = dict(
    type='CosineAnnealingLR',
    eta_min=0.,
    by_epoch=True,
    begin=warmup_epochs,
    end=max_epochs,
    convert_to_iter_based=True)
param_scheduler = [warmup, cosine]

optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    accumulative_counts=8,
    optimizer=dict(
        type='AdamW',
        lr=1.5e-4 * batch_size / 256,
        betas=(0.9, 0.95),
        weight_decay=0.05),
    # Nothing of one dimension decays: biases, norms, GRN, the mask token. In
    # the official code, which goes by the shape too, GRN's parameters and the
    # mask token have two and four dimensions and do decay.
    paramwise_cfg=dict(flat_decay_mult=0.),
    # Clips nothing, but has the norm of the gradient logged.
    clip_grad=dict(max_norm=1e6))

# For --auto-scale-lr, which counts the images of one iteration (8 x 64) and
# leaves accumulation to the schedule.
auto_scale_lr = dict(enable=False, base_batch_size=512)
