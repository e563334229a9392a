# Fine-tuning of Huge (ConvNeXt V2, Table 11): 50 epochs, layer-wise decay
# (Appendix A.2: layer-wise but for Base and Large).
_base_ = './imagenet_ft_100e.py'

max_epochs = 50
warmup_epochs = 10
lr = 1.25e-3 * _base_.batch_size / 256

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
    paramwise_cfg=dict(decay_rate=0.75, decay_type='layer_wise'))
