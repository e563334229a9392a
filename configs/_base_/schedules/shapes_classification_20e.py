# A few minutes on two CPU cores: 20 epochs of 25 iterations, AdamW, cosine.
# From scratch, so all layers learn at the same rate.
max_epochs = 20
warmup_epochs = 2

train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=warmup_epochs,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=warmup_epochs,
        end=max_epochs,
        eta_min_ratio=0.02,
        convert_to_iter_based=True)
]
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(decay_rate=1.0, decay_type='layer_wise'),
    optimizer=dict(
        type='AdamW', lr=2e-3, betas=(0.9, 0.999), weight_decay=0.05),
    clip_grad=dict(max_norm=5.0))

auto_scale_lr = dict(enable=False, base_batch_size=16)
