"""The hyper-parameters that a config comes to, as a pure function of it.

A config spreads its recipe over the optimizer, its wrapper and constructor,
schedulers, hooks, data loaders, pipelines and the model. Here all of it is
one flat dict, in the words and units of the papers.
"""
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .layer_groups import decay_rule, layer_groups
from .recipe_data import augmentation, named
from .recipe_schedule import schedule

# The papers' rates for ImageNet are for 256 images.
_BASE_BATCH = 256


class Batch(NamedTuple):
    """Images of a step: the product of GPUs, images on each, iterations."""

    gpus: int
    images_per_gpu: int
    accumulation: int

    @property
    def total(self) -> int:
        """Images of a step of the optimizer."""
        return self.gpus * self.images_per_gpu * self.accumulation


def recipe(cfg: Mapping, gpus: Optional[int] = None) -> Dict[str, Any]:
    """Effective hyper-parameters of a config.

    Args:
        cfg (Mapping): The config, with its bases merged.
        gpus (int, optional): Processes, of one GPU each. By default as many
            as make the batch that the learning rate is meant for
            (``auto_scale_lr.base_batch_size``), or 1 where it is not said.

    Returns:
        dict: Values by name, of numbers, strings, lists and dicts of these;
        None for what the config does not use. ``lr`` is the highest rate of
        the schedule, at scale 1, after MMEngine's scaling if the config
        enables it; ``base_lr`` the same per 256 images, for classifiers and
        pre-training. Sizes are in pixels and in the order of the pipeline:
        [width, height], except for crops in mmseg and mmpretrain.

    Raises:
        ValueError: If the config does not train, or ``gpus`` is not given and
            does not follow from it.
    """
    for key in ('model', 'train_dataloader', 'optim_wrapper', 'train_cfg'):
        if not cfg.get(key):
            raise ValueError(f'a recipe needs {key} in the config, which has '
                             f'{sorted(cfg)}')
    batch = batch_of(cfg, gpus)
    return dict(
        **_start(cfg),
        gpus=batch.gpus,
        images_per_gpu=batch.images_per_gpu,
        accumulation=batch.accumulation,
        batch=batch.total,
        **_optimizer(cfg, batch),
        **_layer_decay(cfg, batch),
        **schedule(cfg, peak_lr(cfg, batch)),
        **_regularization(cfg, batch.accumulation),
        **augmentation(cfg),
    )


def batch_of(cfg: Mapping, gpus: Optional[int] = None) -> Batch:
    """Images of a step; arguments and errors as for :func:`recipe`."""
    images = cfg['train_dataloader']['batch_size']
    accumulation = cfg['optim_wrapper'].get(
        'accumulative_counts', 1)
    if gpus is None:
        meant = (cfg.get('auto_scale_lr') or {}).get('base_batch_size', images)
        gpus, rest = divmod(meant, images)
        if rest or gpus == 0:
            raise ValueError(
                f'the number of GPUs must be given: with {images} images on '
                f'each, auto_scale_lr.base_batch_size, {meant}, does not '
                'tell it')
    elif gpus < 1:
        raise ValueError(f'gpus must be at least 1, got {gpus}')
    return Batch(gpus, images, accumulation)


def peak_lr(cfg: Mapping, batch: Batch) -> float:
    """Learning rate at scale 1, after MMEngine's scaling if it is enabled.

    MMEngine compares the images of one iteration with base_batch_size, and
    leaves accumulation out.
    """
    lr = cfg['optim_wrapper']['optimizer']['lr']
    scaling = cfg.get('auto_scale_lr') or {}
    if scaling.get('enable'):
        images = batch.gpus * batch.images_per_gpu
        lr = lr * images / scaling['base_batch_size']
    return lr


def _start(cfg: Mapping) -> Dict[str, Any]:
    """The model, and the weights that training starts from."""
    backbone = cfg['model'].get('backbone') or {}
    weights = [
        (part.get('init_cfg') or {}).get('checkpoint')
        for part in (cfg['model'], backbone)
        if isinstance(part.get('init_cfg') or {}, Mapping)
    ]
    return dict(
        model=cfg['model']['type'],
        backbone=backbone.get('type'),
        arch=backbone.get('arch'),
        weights=next(filter(None, [cfg.get('load_from'), *weights]), None))


def _optimizer(cfg: Mapping, batch: Batch) -> Dict[str, Any]:
    wrapper = cfg['optim_wrapper']
    optimizer = wrapper['optimizer']
    lr = peak_lr(cfg, batch)
    # COCO's and ADE20K's rates are absolute.
    is_relative = cfg.get('default_scope') == 'mmpretrain'
    is_mixed = wrapper.get('type') == 'AmpOptimWrapper'
    betas = optimizer.get('betas')
    return dict(
        optimizer=optimizer['type'],
        lr=lr,
        base_lr=lr * _BASE_BATCH / batch.total if is_relative else None,
        weight_decay=optimizer.get('weight_decay'),
        betas=None if betas is None else list(betas),
        clip_grad=(wrapper.get('clip_grad') or {}).get('max_norm'),
        # MMEngine's default on a GPU is PyTorch's.
        precision=(wrapper.get('dtype') or 'float16') if is_mixed
        else 'float32')


def _layer_decay(cfg: Mapping, batch: Batch) -> Dict[str, Any]:
    """Rate and type; the scale and the learning rate of the stem."""
    found = decay_rule(cfg)
    if found is None:
        return dict(
            layer_decay=None, decay_type=None, stem_scale=None, stem_lr=None)
    rate, kind = found
    scale = layer_groups(cfg)[0].scale
    return dict(
        layer_decay=rate,
        decay_type=kind.replace('_', '-'),
        stem_scale=scale,
        stem_lr=scale * peak_lr(cfg, batch))


def _regularization(cfg: Mapping, accumulation: int) -> Dict[str, Any]:
    """What changes the model or its targets rather than the images."""
    model = cfg['model']
    heads = [model.get('head') or {}, model.get('decode_head') or {}]
    losses = [
        x['loss'] for x in heads if isinstance(x.get('loss'), Mapping)
    ]
    mixes = _mixes(model)
    # Per step of the optimizer; the hook counts iterations.
    averages = [
        (1 - hook.get('momentum', 2e-4))**(accumulation /
                                           hook.get('interval', 1))
        for hook in named(cfg.get('custom_hooks') or [], 'EMAHook')
    ]
    return dict(
        drop_path=(model.get('backbone') or {}).get('drop_path_rate', 0.),
        ema=round(averages[0], 10) if averages else None,
        label_smoothing=next(
            (x['label_smooth_val'] for x in losses if 'label_smooth_val' in x),
            None),
        mixup=mixes.get('Mixup'),
        cutmix=mixes.get('CutMix'))


def _mixes(model: Mapping) -> Dict[str, float]:
    """Strength of each augmentation of whole batches."""
    augments = (model.get('train_cfg') or {}).get('augments') or []
    augments: List[Mapping] = [augments] if isinstance(
        augments, Mapping) else augments
    return {x['type'].rpartition('.')[2]: x['alpha'] for x in augments}
