"""The hyper-parameters that a config comes to, in the papers' words and units.

A config spreads its recipe over the optimizer, its wrapper and constructor,
schedulers, hooks, data loaders, pipelines and the model.
"""
from collections.abc import Mapping
from typing import Any

from mmengine import registry
from mmengine.registry import DefaultScope

from mmconvnextv2.models.backbones.arch import resolve_arch
from mmconvnextv2.models.backbones.layer_ids import find_layer
from .recipe_data import augmentation, named, setting
from .walk import type_name

_BASE_BATCH = 256  # images that the papers' rates for ImageNet are for
_SCHEDULES = dict(
    CosineAnnealingLR='cosine', MultiStepLR='steps', PolyLR='polynomial',
    LinearLR='linear', ConstantLR='constant')
_SCHEDULE_OPTIONS = dict(
    milestones='at', gamma='factor', power='power', eta_min='min_lr')


def recipe(cfg: Mapping, gpus: int | None = None) -> dict[str, Any]:
    """Read the hyper-parameters of a config.

    Args:
        cfg (Mapping): The config, with its bases merged. What it leaves out
            is read from the signatures of the types that it names.
        gpus (int, optional): Number of GPUs. By default as many as make
            ``auto_scale_lr.base_batch_size``, or 1 if that is not given.

    Returns:
        dict: Values by name: numbers, strings, lists and dicts of these; None
        for what the config does not use. ``lr`` is the highest rate of the
        schedule, at scale 1, after MMEngine's scaling if the config enables
        it; ``base_lr`` the same per 256 images, for classifiers and
        pre-training; ``warmup`` a linear rise from a share of the rate
        ('from') in epochs or iterations. Sizes are in pixels and in the order
        of the pipeline: [width, height], except for crops in mmseg and
        mmpretrain.

    Raises:
        ValueError: If the config does not train, or ``gpus`` is not given and
            does not follow from it.
    """
    for key in ('model', 'train_dataloader', 'optim_wrapper', 'train_cfg'):
        if not cfg.get(key):
            raise ValueError(f'a recipe needs {key} in the config, which has '
                             f'{sorted(cfg)}')
    accumulation = cfg['optim_wrapper'].get('accumulative_counts', 1)
    images = cfg['train_dataloader']['batch_size']
    gpus, lr = _gpus_and_lr(cfg, images, gpus)
    batch = gpus * images * accumulation
    # COCO's and ADE20K's rates are absolute.
    is_relative = cfg.get('default_scope') == 'mmpretrain'
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        return dict(
            **_start(cfg), gpus=gpus, images_per_gpu=images,
            accumulation=accumulation, batch=batch, lr=lr,
            base_lr=lr * _BASE_BATCH / batch if is_relative else None,
            **_optimizer(cfg['optim_wrapper']), **_layer_decay(cfg, lr),
            **_schedule(cfg, lr), **_regularization(cfg, accumulation),
            **augmentation(cfg))


def _gpus_and_lr(cfg: Mapping, images: int,
                 gpus: int | None) -> tuple[int, float]:
    """Derive the number of GPUs, and scale the rate as MMEngine does."""
    scaling = cfg.get('auto_scale_lr') or {}
    meant = scaling.get('base_batch_size', images)
    if gpus is None:
        gpus, rest = divmod(meant, images)
        if rest or gpus == 0:
            raise ValueError(
                f'the number of GPUs must be given: with {images} images on '
                f'each, auto_scale_lr.base_batch_size, {meant}, does not '
                'tell it')
    elif gpus < 1:
        raise ValueError(f'gpus must be at least 1, got {gpus}')
    # Of one iteration: MMEngine leaves accumulation out.
    scale = gpus * images / meant if scaling.get('enable') else 1
    return gpus, cfg['optim_wrapper']['optimizer']['lr'] * scale


def _start(cfg: Mapping) -> dict[str, Any]:
    backbone = cfg['model'].get('backbone') or {}
    starts = [part.get('init_cfg') for part in (cfg['model'], backbone)]
    weights = [x.get('checkpoint') for x in starts if isinstance(x, Mapping)]
    return dict(
        model=type_name(cfg['model']),
        backbone=type_name(backbone) or None,
        arch=setting(registry.MODELS, backbone, 'arch'),
        weights=next(filter(None, [cfg.get('load_from'), *weights]), None))


def _optimizer(wrapper: Mapping) -> dict[str, Any]:
    optimizer = wrapper['optimizer']
    betas = setting(registry.OPTIMIZERS, optimizer, 'betas')
    is_mixed = type_name(wrapper) == 'AmpOptimWrapper'
    return dict(
        optimizer=type_name(optimizer),
        weight_decay=setting(registry.OPTIMIZERS, optimizer, 'weight_decay'),
        betas=betas and list(betas),
        clip_grad=(wrapper.get('clip_grad') or {}).get('max_norm'),
        # Without a dtype, PyTorch's default on a GPU.
        precision=(wrapper.get('dtype') or 'float16')
        if is_mixed else 'float32')


def _layer_decay(cfg: Mapping, lr: float) -> dict[str, Any]:
    constructor = type_name(cfg['optim_wrapper'].get('constructor'))
    options = cfg['optim_wrapper'].get('paramwise_cfg') or {}
    if (constructor != 'LayerDecayOptimWrapperConstructor'
            or options['decay_rate'] == 1):
        return dict.fromkeys(
            ('layer_decay', 'decay_type', 'stem_scale', 'stem_lr'))
    kind = options.get('decay_type') or 'layer_wise'
    backbone, scale = cfg['model']['backbone'], None
    if type_name(backbone) in ('ConvNeXtV2', 'ConvNeXt'):
        arch = resolve_arch(setting(registry.MODELS, backbone, 'arch'))
        stem = find_layer(kind, 'downsample_layers.0.0.weight', arch.depths)
        scale = options['decay_rate']**stem.exponent
    return dict(
        layer_decay=options['decay_rate'],
        decay_type=kind.replace('_', '-'),
        stem_scale=scale,
        stem_lr=scale and scale * lr)


def _schedule(cfg: Mapping, lr: float) -> dict[str, Any]:
    phases = cfg.get('param_scheduler') or []
    phases = [phases] if isinstance(phases, Mapping) else phases
    later, warmup = [], None
    for phase in phases:
        kind = type_name(phase)
        start, by_epoch, begin = (
            setting(registry.PARAM_SCHEDULERS, phase, key)
            for key in ('start_factor', 'by_epoch', 'begin'))
        if kind == 'LinearLR' and start < 1:
            unit = 'epochs' if by_epoch else 'iterations'
            warmup = {unit: phase['end'] - begin, 'from': start}
            continue
        options = {word: phase[key]
                   for key, word in _SCHEDULE_OPTIONS.items() if key in phase}
        if 'eta_min_ratio' in phase:
            options['min_lr'] = phase['eta_min_ratio'] * lr
        later.append(dict(type=_SCHEDULES.get(kind, kind), **options))
    epochs = cfg['train_cfg'].get('max_epochs')
    return dict(
        epochs=epochs,
        iterations=cfg['train_cfg']['max_iters'] if epochs is None else None,
        warmup=warmup,
        schedule=later or None)


def _regularization(cfg: Mapping, accumulation: int) -> dict[str, Any]:
    """Read what changes the model or its targets rather than the images."""
    model = cfg['model']
    losses = [(model.get(head) or {}).get('loss') or {}
              for head in ('head', 'decode_head')]
    smoothing = [x['label_smooth_val'] for x in losses
                 if 'label_smooth_val' in x]
    augments = (model.get('train_cfg') or {}).get('augments') or []
    augments = [augments] if isinstance(augments, Mapping) else augments
    mixes = {type_name(x): x['alpha'] for x in augments}
    ema = None
    for hook in named(cfg.get('custom_hooks') or [], 'EMAHook'):
        average = dict(hook, type=setting(registry.HOOKS, hook, 'ema_type'))
        momentum, interval = (setting(registry.MODELS, average, key)
                              for key in ('momentum', 'interval'))
        # Per step of the optimizer; the hook counts iterations.
        ema = round((1 - momentum)**(accumulation / interval), 10)
    return dict(
        drop_path=setting(registry.MODELS, model.get('backbone') or {},
                          'drop_path_rate'),
        ema=ema,
        label_smoothing=smoothing[0] if smoothing else None,
        mixup=mixes.get('Mixup'),
        cutmix=mixes.get('CutMix'))
