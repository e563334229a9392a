# What the schedules on ImageNet share: AdamW, mixed precision, a cosine down
# to 1e-6 (of a layer whose learning rate is scaled, to 1e-6 in that scale),
# after a linear warm-up in some. The lists are put together in each schedule.
# In bfloat16. The official code fine-tunes in float16 (--use_amp), and V1's
# supervised training is in float32.
train_cfg = dict(type='EpochBasedTrainLoop', val_interval=1)

warmup = dict(
    type='LinearLR',
    start_factor=1e-6,
    by_epoch=True,
    begin=0,
    convert_to_iter_based=True)
cosine = dict(
    type='CosineAnnealingLR',
    by_epoch=True,
    begin=0,
    convert_to_iter_based=True)
min_lr = 1e-6
ema = dict(type='EMAHook', momentum=1e-4)  # a decay of 0.9999

optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
    optimizer=dict(type='AdamW', betas=(0.9, 0.999), weight_decay=0.05))

# For --auto-scale-lr, which counts the images of one iteration: 8 GPUs.
auto_scale_lr = dict(enable=False, base_batch_size=8 * 32)
