# Minutes on two CPU cores: 40 epochs of 25 iterations, AdamW, cosine.
max_epochs = 40

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        by_epoch=True,
        begin=0,
        end=2,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        eta_min=0.,
        by_epoch=True,
        begin=2,
        end=max_epochs,
        convert_to_iter_based=True)
]
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=2e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(flat_decay_mult=0.),
    # Clips next to nothing, but has the norm of the gradient logged.
    clip_grad=dict(max_norm=5.))

auto_scale_lr = dict(enable=False, base_batch_size=16)
