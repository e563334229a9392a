# ImageNet-1K after ImageNet-22K, Nano and Tiny (ConvNeXt V2, Table 13): 90
# epochs without warm-up, layer-wise decay (Appendix A.2).
_base_ = './imagenet_ft_after_22k_30e.py'

max_epochs = 90

train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [dict(_base_.param_scheduler[0], end=max_epochs)]
optim_wrapper = dict(
    paramwise_cfg=dict(decay_rate=0.9, decay_type='layer_wise'))
