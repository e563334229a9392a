"""How long a config trains, and how its learning rate goes."""
from typing import Any, Dict, Mapping

_SCHEDULES = {
    'CosineAnnealingLR': 'cosine',
    'MultiStepLR': 'steps',
    'PolyLR': 'polynomial',
    'LinearLR': 'linear',
    'ConstantLR': 'constant',
}
_SCHEDULE_OPTIONS = {
    'milestones': 'at',
    'gamma': 'factor',
    'power': 'power',
    'eta_min': 'min_lr',
}


def schedule(cfg: Mapping, lr: float) -> Dict[str, Any]:
    """Length of the run and of its warm-up, and what follows it.

    Args:
        cfg (Mapping): The config, with its bases merged.
        lr (float): The highest learning rate, at scale 1.

    Returns:
        dict: As described in :func:`mmconvnextv2.config.recipe.recipe`. A
        warm-up is a linear rise from a share of the rate ('from'), in epochs
        or iterations.
    """
    loop = cfg['train_cfg']
    by_epoch = loop.get('max_epochs') is not None
    phases = cfg.get('param_scheduler') or []
    phases = [phases] if isinstance(phases, Mapping) else phases
    warmup = [
        x for x in phases
        if x['type'] == 'LinearLR' and x.get('start_factor', 1 / 3) < 1
    ]
    later = [x for x in phases if x not in warmup]
    return dict(
        epochs=loop['max_epochs'] if by_epoch else None,
        iterations=None if by_epoch else loop['max_iters'],
        warmup=_length(warmup[0]) if warmup else None,
        schedule=[_phase(x, lr) for x in later] or None)


def _length(phase: Mapping) -> Dict[str, Any]:
    unit = 'epochs' if phase.get('by_epoch', True) else 'iterations'
    return {
        unit: phase['end'] - phase.get('begin', 0),
        'from': phase.get('start_factor', 1 / 3)
    }


def _phase(phase: Mapping, lr: float) -> Dict[str, Any]:
    options = {
        word: phase[key]
        for key, word in _SCHEDULE_OPTIONS.items() if key in phase
    }
    if 'eta_min_ratio' in phase:
        options['min_lr'] = phase['eta_min_ratio'] * lr
    return dict(type=_SCHEDULES.get(phase['type'], phase['type']), **options)
