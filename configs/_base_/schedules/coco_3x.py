# 36 epochs at a total batch of 32, AdamW, mixed precision (ConvNeXt V2,
# Section 5). Warm-up and steps: those of OpenMMLab's Mask R-CNN run on
# ConvNeXt V2-B, since the paper leaves them open.
max_epochs = 36

train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.001, by_epoch=False, begin=0,
        end=1000),
    dict(
        type='MultiStepLR',
        begin=0,
        end=max_epochs,
        by_epoch=True,
        milestones=[27, 33],
        gamma=0.1)
]
optim_wrapper = dict(
    type='AmpOptimWrapper',
    constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(decay_rate=0.95, decay_type='layer_wise'),
    optimizer=dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05))

# The learning rate above is for 32 images; --auto-scale-lr adapts it.
auto_scale_lr = dict(enable=False, base_batch_size=32)
