"""Configs that spread a model by one of MMEngine's strategies, checked."""
import importlib.util
import inspect
from typing import Any, Iterator, Mapping, Set

from mmengine.config import Config
from mmengine.registry import STRATEGIES

from mmconvnextv2.config.recipe_data import named
from mmconvnextv2.errors import CommandError

RUNNER = 'FlexibleRunner'
_DEEPSPEED = 'DeepSpeedStrategy'
_SHARDED = 'mmconvnextv2.ShardedStrategy'
_WRAPPER = 'DeepSpeedOptimWrapper'
# Key of optim_wrapper: where DeepSpeed takes it from.
_MOVED = {
    'accumulative_counts': 'strategy.gradient_accumulation_steps',
    'clip_grad': 'strategy.gradient_clipping (the largest norm)',
    'dtype': 'strategy.bf16 or strategy.fp16',
    'loss_scale': 'strategy.fp16',
}
_STAGES = (0, 1, 2, 3)
# The last known to have all that MMEngine imports.
_INSTALL = 'pip install "deepspeed<=0.19.0"'


def uses_deepspeed(cfg: Mapping) -> bool:
    """Whether a config trains with DeepSpeed, whose checkpoints are folders.

    Args:
        cfg (Mapping): The config.
    """
    strategy = cfg.get('strategy')
    return isinstance(strategy, Mapping) and _name(strategy) == _DEEPSPEED


def drop_strategy(cfg: Config) -> None:
    """Evaluate as ever: only training needs its model sharded.

    Changes ``cfg`` in place.
    """
    if cfg.pop('strategy', None) is not None:
        cfg.pop('runner_type', None)


def require_strategy(cfg: Config) -> None:
    """Check that a config's strategy can be followed; name its runner.

    Args:
        cfg (Config): The config, with ``launcher``. Its ``runner_type`` is
            set where it has a strategy.

    Raises:
        CommandError: If it contradicts itself or needs what is not there.
    """
    strategy = cfg.get('strategy')
    wrapper = (cfg.get('optim_wrapper') or {}).get('type')
    if strategy is None:
        if wrapper == _WRAPPER:
            raise CommandError(
                f'optim_wrapper.type={wrapper!r} needs strategy.type='
                f'{_DEEPSPEED!r}, and the config has no strategy')
        return
    if not isinstance(strategy, Mapping) or 'type' not in strategy:
        raise CommandError("strategy must be a dict with a type, such as "
                           f'dict(type={_SHARDED!r}), got {strategy!r}')
    runner = cfg.setdefault('runner_type', RUNNER)
    if runner != RUNNER:
        raise CommandError(f'runner_type must be {RUNNER!r} for strategy.type='
                           f"{strategy['type']!r}, got {runner!r}")
    _check_keys(strategy)
    problems = list(
        _of_deepspeed(cfg) if uses_deepspeed(cfg) else _of_others(cfg))
    if problems:
        raise CommandError('\n'.join(problems))
    if cfg.get('launcher', 'none') == 'none' and _is_sharding(strategy):
        raise CommandError(
            f"strategy.type={strategy['type']!r} spreads the model over "
            'several processes: start them with bash tools/dist_train.sh '
            'CONFIG GPUS, or train in one with --cfg-options '
            'strategy=None' + ' optim_wrapper.type=OptimWrapper' *
            (wrapper == _WRAPPER))
    if uses_deepspeed(cfg):
        _require_library()


def _require_library() -> None:
    if not importlib.util.find_spec('deepspeed'):
        raise CommandError(
            f'strategy.type={_DEEPSPEED!r} needs DeepSpeed, which is not '
            f'installed: {_INSTALL} (https://www.deepspeed.ai), in the '
            'environment that has PyTorch. Without it, FSDP shards too: see '
            'configs/_base_/strategies/fsdp.py')
    try:
        found = importlib.util.find_spec('deepspeed.runtime.fp16.onebit')
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise CommandError(
            f'strategy.type={_DEEPSPEED!r}: MMEngine imports the 1-bit '
            'optimizers of DeepSpeed, which the installed version does not '
            f'have any more: {_INSTALL}')


def _name(strategy: Mapping) -> str:
    kind = strategy.get('type', '')
    return (kind if isinstance(kind, str) else kind.__name__).split('.')[-1]


def _is_sharding(strategy: Mapping) -> bool:
    return _name(strategy) not in ('SingleDeviceStrategy', 'DDPStrategy')


def _check_keys(strategy: Mapping) -> None:
    kind = strategy['type']
    cls = STRATEGIES.get(kind) if isinstance(kind, str) else kind
    if cls is None:
        raise CommandError(
            f'strategy.type must be the name of a strategy, such as '
            f'{_SHARDED!r} or {_DEEPSPEED!r}, got {kind!r}')
    known = _arguments(cls) | {'type'}
    unknown = sorted(set(strategy) - known)
    if unknown:
        raise CommandError(f'strategy.{unknown[0]} is not an argument of '
                           f'{kind}, which takes {", ".join(sorted(known))}')


def _arguments(cls: type) -> Set[str]:
    found: Set[str] = set()
    for base in cls.__mro__:
        if '__init__' not in vars(base) or base is object:
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        found |= {x.name for x in parameters if x.kind == x.KEYWORD_ONLY}
        if all(x.kind != x.VAR_KEYWORD for x in parameters):
            break
    return found


def _of_others(cfg: Config) -> Iterator[str]:
    strategy, kind = cfg.strategy, _name(cfg.strategy)
    if (cfg.get('optim_wrapper') or {}).get('type') == _WRAPPER:
        yield (f'optim_wrapper.type={_WRAPPER!r} needs strategy.type='
               f"{_DEEPSPEED!r}, got {strategy['type']!r}")
    if kind == 'FSDPStrategy':
        yield (f'strategy.type must be {_SHARDED!r} for FSDP, got '
               f"{strategy['type']!r}: MMEngine's own takes sharded weights "
               'for biases where weight decay is chosen, clips each '
               "process's gradients by another norm, and cannot resume with "
               'PyTorch 2.1 or newer')
    if kind == 'ShardedStrategy' and _has_ema(cfg):
        yield ("custom_hooks: EMAHook cannot copy a sharded model; take type="
               "'mmconvnextv2.ShardedEMAHook', with the same arguments")


def _of_deepspeed(cfg: Config) -> Iterator[str]:
    strategy, wrapper = cfg.strategy, cfg.get('optim_wrapper') or {}
    if wrapper.get('type') != _WRAPPER:
        yield (f'optim_wrapper.type must be {_WRAPPER!r} for strategy.type='
               f"{_DEEPSPEED!r}, got {wrapper.get('type')!r}")
    for key in sorted(set(wrapper) & set(_MOVED)):
        yield f'optim_wrapper.{key}: DeepSpeed takes it from {_MOVED[key]}'
    if (cfg.get('auto_scale_lr') or {}).get('enable'):
        yield ('auto_scale_lr.enable: MMEngine does not scale the learning '
               'rate under DeepSpeed; set optim_wrapper.optimizer.lr')
    if _has_ema(cfg):
        yield ('custom_hooks: the average of EMAHook is not in the '
               'checkpoints of DeepSpeed; remove the hook, or shard by FSDP '
               "with 'mmconvnextv2.ShardedEMAHook'")
    for key, hook in (cfg.get('default_hooks') or {}).items():
        if named([hook], 'NonFiniteHook') and (hook.get('exact')
                                               or hook.get('max_skips')):
            yield (f'default_hooks.{key}: under DeepSpeed, which keeps the '
                   'gradients to itself, NonFiniteHook can only stop a run; '
                   'remove exact and max_skips')
    stage = (strategy.get('zero_optimization') or {}).get('stage', 0)
    if stage not in _STAGES:
        yield (f'strategy.zero_optimization.stage must be one of {_STAGES}, '
               f'got {stage!r}')
    steps = strategy.get('gradient_accumulation_steps', 1)
    if not isinstance(steps, int) or steps < 1:
        yield ('strategy.gradient_accumulation_steps must be a positive '
               f'integer, got {steps!r}')
    if all(_is_enabled(strategy.get(key)) for key in ('fp16', 'bf16')):
        yield 'strategy.fp16 and strategy.bf16 cannot both be enabled'


def _is_enabled(part: Any) -> bool:
    return isinstance(part, Mapping) and bool(part.get('enabled'))


def _has_ema(cfg: Mapping) -> bool:
    return bool(named(cfg.get('custom_hooks') or [], 'EMAHook'))
