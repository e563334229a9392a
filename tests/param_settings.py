"""What an optimiser does to each parameter, by name."""
from mmengine.optim import build_optim_wrapper

LR, WEIGHT_DECAY = 1e-3, 0.05


def build(model, constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
          **paramwise_cfg):
    """Build AdamW with a constructor and its options."""
    return build_optim_wrapper(
        model,
        dict(
            type='OptimWrapper',
            optimizer=dict(type='AdamW', lr=LR, weight_decay=WEIGHT_DECAY),
            constructor=constructor,
            paramwise_cfg=paramwise_cfg))


def param_settings(model, optim_wrapper):
    """{name: (learning rate, weight decay)} of all trained parameters."""
    names = {id(param): name for name, param in model.named_parameters()}
    return {
        names[id(param)]: (group['lr'], group['weight_decay'])
        for group in optim_wrapper.optimizer.param_groups
        for param in group['params']
    }


def lr_scales(model, **paramwise_cfg):
    """{name: learning rate over that of the optimizer}, with layer decay."""
    settings = param_settings(model, build(model, **paramwise_cfg))
    return {name: lr / LR for name, (lr, _) in settings.items()}
