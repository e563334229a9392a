# Fine-tuning of Tiny (ConvNeXt V2, Table 10): 300 epochs, layer-wise decay.
_base_ = './imagenet_ft_100e.py'

max_epochs = 300
warmup_epochs = 40
lr = 8e-4 * _base_.batch_size / 256

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
    paramwise_cfg=dict(decay_rate=0.9, decay_type='layer_wise'))
