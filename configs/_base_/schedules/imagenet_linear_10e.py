# A linear head on frozen features (DINOv3's eval/linear.py): SGD without
# weight decay, a cosine down to 0. A base rate of 0.01 for 256 images lies in
# its sweep, from 1e-5 to 0.1.
max_epochs = 10
batch_size = 8 * 128  # GPUs, images

train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True)
]
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
    optimizer=dict(
        type='SGD', lr=0.01 * batch_size / 256, momentum=0.9, weight_decay=0.),
    paramwise_cfg=dict(decay_rate=1.))
auto_scale_lr = dict(enable=False, base_batch_size=batch_size)
