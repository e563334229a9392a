"""How images and the optimizer change with the backbone."""
import inspect
import re
from collections.abc import Mapping

from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from mmconvnextv2.config.find import find_config
from mmconvnextv2.config.walk import part_at, type_name, walk
from mmconvnextv2.errors import CommandError
from .channels import Settings

# Of a scope, the recipe with the settings of its task.
_RECIPES = {
    'mmseg': 'upernet_convnextv2_{}_ade20k',
    'mmpretrain': 'convnextv2_{}_ft_in1k',
}
_DETECTION = 'maskrcnn_convnextv2_{}_coco'
_SGD_RATE = 1e-3  # torch.optim.SGD's own
_CONSTRUCTOR = 'mmconvnextv2.LayerDecayOptimWrapperConstructor'


def recipe_of(scope: str, arch: str) -> tuple[str, Config]:
    """Load the recipe for a task and size; returns its name, too."""
    name = _RECIPES.get(scope, _DETECTION).format(arch[0])
    return name, Config.fromfile(find_config(name))


def image_settings(cfg: Mapping, recipe: Mapping) -> Settings:
    """Let images be normalised as those that the weights were trained on.

    Args:
        cfg (Mapping): The config to change.
        recipe (Mapping): The recipe that names the weights.
    """
    ours = (recipe['model'].get('data_preprocessor')
            or recipe['data_preprocessor'])
    is_rgb = ours.get('bgr_to_rgb', ours.get('to_rgb'))
    settings: Settings = {}
    for path, part in walk({
            key: cfg[key] for key in ('data_preprocessor', 'model')
            if key in cfg}):
        is_one = 'data_preprocessor' in path and (
            'mean' in part or type_name(part).lower().endswith(
                'datapreprocessor')) and 'data_preprocessor' not in part
        if not is_one or len(part.get('mean') or ours['mean']) != 3:
            continue
        is_mmpretrain = 'to_rgb' in part or type_name(part) in (
            '', 'ClsDataPreprocessor', 'SelfSupDataPreprocessor')
        colour = 'to_rgb' if is_mmpretrain else 'bgr_to_rgb'
        for key, value in (('mean', ours['mean']), ('std', ours['std']),
                           (colour, is_rgb)):
            if part.get(key, False) != value:
                settings[path + (key, )] = value
    return settings


def optimizer_settings(cfg: Mapping, recipe: Mapping) -> Settings:
    """Train by AdamW with layer decay where the config has SGD.

    Other optimizers stay; of these, a constructor that gives each layer its
    rate by the names of another network is replaced by ours.

    Args:
        cfg (Mapping): The config to change.
        recipe (Mapping): The recipe whose learning rate is taken, in
            proportion to the batches.

    Raises:
        CommandError: If a number that this needs is none.
    """
    wrapper = part_at(cfg, 'optim_wrapper')
    optimizer = part_at(wrapper, 'optimizer')
    is_sgd = type_name(optimizer) == 'SGD'
    by_layer = re.search(
        'Layer|RateDecay', type_name(wrapper.get('constructor')))
    if not is_sgd and not by_layer:
        return {}
    source = recipe['optim_wrapper']
    decay = {key: source['paramwise_cfg'][key]
             for key in ('decay_rate', 'decay_type')}
    if wrapper.get('paramwise_cfg'):
        decay = dict(_delete_=True, **decay)
    settings: Settings = {
        ('optim_wrapper', 'constructor'): _CONSTRUCTOR,
        ('optim_wrapper', 'paramwise_cfg'): decay,
    }
    if is_sgd:
        images = images_per_step(recipe)
        scale = (images_per_step(cfg) or images) / images
        rate = float(f"{source['optimizer']['lr'] * scale:.3g}")
        settings['optim_wrapper', 'optimizer'] = dict(
            _delete_=True, type='AdamW', lr=rate,
            weight_decay=source['optimizer']['weight_decay'])
        settings.update(_schedule_settings(
            cfg, _number(optimizer, 'lr', _SGD_RATE)))
    return settings


def images_per_step(cfg: Mapping) -> int:
    """Read for how many images a learning rate is meant; 0 if unknown."""
    images = _number(part_at(cfg, 'auto_scale_lr'), 'base_batch_size', 0)
    return images * _number(
        part_at(cfg, 'optim_wrapper'), 'accumulative_counts', 1)


def _number(part: Mapping, key: str, default: float) -> float:
    value = part.get(key)
    if not isinstance(value, (int, float, type(None))):
        raise CommandError(f'{key} must be a number, got {value!r}; '
                           '--keep-optimizer leaves all settings of training')
    return default if value is None else value


def _schedule_settings(cfg: Mapping, old_rate: float) -> Settings:
    """Let schedules end in proportion to the new learning rate."""
    schedules = cfg.get('param_scheduler') or []
    settings: Settings = {}
    is_one = isinstance(schedules, Mapping)
    for i, schedule in enumerate([schedules] if is_one else schedules):
        name = type_name(schedule)
        # Of momentum, and what is no schedule: the run says so.
        if not isinstance(schedule, Mapping) or not name.endswith('LR'):
            continue
        end = _number(schedule, 'eta_min', 0)
        if not end:
            continue
        path = ('param_scheduler', ) + (() if is_one else (i, ))
        kind = PARAM_SCHEDULERS.get(schedule['type'])
        # Of a decorated class, the arguments of its parents.
        takes_ratio = old_rate and any(
            'eta_min_ratio' in inspect.signature(x.__init__).parameters
            for x in getattr(kind, '__mro__', ()))
        settings[path + ('eta_min', )] = None if takes_ratio else 0
        if takes_ratio:
            settings[path + ('eta_min_ratio', )] = float(
                f'{end / old_rate:.3g}')
    return settings
