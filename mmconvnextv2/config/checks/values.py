"""Check the values of MMEngine's own keys, before anything is built."""
import inspect
from typing import Any, Iterator, List, Mapping, Sequence, Tuple

from mmengine.runner import Runner

from .mistakes import SPLITS, Mistake, joined, shown, similar, type_name
from .rules import (
    GENERAL,
    LOADER,
    LOG_PROCESSOR,
    TRAIN_LOOP,
    TRAINING,
    Rule,
)

# Runners and loops of these names read the config as MMEngine does; what
# others make of it is theirs.
_RUNNERS = ('', 'Runner', 'FlexibleRunner', 'ShardedRunner')
_LOOPS = ('', 'EpochBasedTrainLoop', 'IterBasedTrainLoop', 'ValLoop',
          'TestLoop')
# Hooks that MMEngine has by default, which None switches off.
_SWITCHABLE = ('runtime_info', 'timer', 'sampler_seed', 'logger',
               'param_scheduler', 'checkpoint')
_AUTO_SCALE_KEYS = ('enable', 'base_batch_size')


def value_mistakes(cfg: Mapping, splits: Sequence[str]) -> List[Mistake]:
    """Find values that MMEngine cannot work with, and keys that miss.

    Args:
        cfg (Mapping): The config.
        splits (Sequence[str]): What will be used: ('train', 'val') or
            ('test', ). Validation may be left out.

    Returns:
        list[Mistake]: None for a runner that is not MMEngine's.
    """
    if not is_for_mmengine(cfg):
        return []
    found = [*_broken(cfg, GENERAL), *_hooks(cfg), *_settings(cfg)]
    if 'model' not in cfg:
        found.append(Mistake('model', f'is missing.{similar("model", cfg)}'))
    if 'train' in splits:
        found += [*_broken(cfg, TRAINING), *_optimizer(cfg)]
    for split in SPLITS:
        found += _companions(cfg, split,
                             required=split in splits and split != 'val')
    for split in splits:
        found += _split(cfg, split)
    return found


def is_for_mmengine(cfg: Mapping) -> bool:
    """Whether one of MMEngine's own runners will read the config."""
    return type_name(dict(type=cfg.get('runner_type', ''))) in _RUNNERS


def loop_is_standard(cfg: Mapping, split: str) -> bool:
    """Whether the loop of a split is one of MMEngine's own."""
    return type_name(cfg.get(f'{split}_cfg')) in _LOOPS


def values_at(node: Any, key: str, path: str = '') -> Iterator[
        Tuple[str, Any]]:
    """What is at a rule's key: path and value, for each that is there."""
    if not key:
        yield path, node
    elif isinstance(node, (list, tuple)):
        for i, item in enumerate(node):
            yield from values_at(item, key, joined(path, i))
    elif isinstance(node, Mapping):
        name, _, rest = key.partition('.')
        names = list(node) if name == '*' else [name] if name in node else []
        for name in names:
            yield from values_at(node[name], rest, joined(path, name))


def _broken(node: Any,
            rules: Sequence[Rule],
            path: str = '') -> Iterator[Mistake]:
    for rule in rules:
        for where, value in values_at(node, rule.key, path):
            if not rule.accepts(value):
                yield Mistake(
                    where, f'expected {rule.expected}, got {shown(value)}')


def _hooks(cfg: Mapping) -> Iterator[Mistake]:
    named = cfg.get('default_hooks')
    for name, hook in named.items() if isinstance(named, Mapping) else ():
        if hook is None and name not in _SWITCHABLE:
            yield Mistake(
                f'default_hooks.{name}',
                'None switches off MMEngine\'s own hooks only, which are '
                f'{", ".join(_SWITCHABLE)}; leave the key out instead.'
                f'{similar(name, _SWITCHABLE)}')
        elif isinstance(hook, Mapping) and 'type' not in hook:
            yield Mistake(
                f'default_hooks.{name}.type',
                f'is missing.{similar(name, [*named, *_SWITCHABLE])}')


def _settings(cfg: Mapping) -> Iterator[Mistake]:
    """Keys that MMEngine does not know, or cannot do without."""
    settings = cfg.get('randomness')
    known = list(inspect.signature(Runner.set_randomness).parameters)[1:]
    if isinstance(settings, Mapping):
        for name in set(settings) - set(known):
            yield Mistake(f'randomness.{name}',
                          f'expected one of {known}.{similar(name, known)}')
        if 'seed' not in settings:
            yield Mistake('randomness.seed', 'is missing; None draws one')
    processor = cfg.get('log_processor')
    if type_name(processor) in ('', 'LogProcessor'):
        yield from _broken(processor, LOG_PROCESSOR, 'log_processor')
    scaling = cfg.get('auto_scale_lr')
    for name in scaling if isinstance(scaling, Mapping) else ():
        guess = similar(name, _AUTO_SCALE_KEYS)
        if name not in _AUTO_SCALE_KEYS and guess:
            yield Mistake(f'auto_scale_lr.{name}', f'has no meaning.{guess}')


def _optimizer(cfg: Mapping) -> Iterator[Mistake]:
    wrapper = cfg.get('optim_wrapper')
    if not isinstance(wrapper, Mapping):
        return
    optimizer = wrapper.get('optimizer')
    if optimizer is None and 'constructor' not in wrapper:
        yield Mistake('optim_wrapper.optimizer', 'is missing; expected a dict '
                      f'with the key type.{similar("optimizer", wrapper)}')
    elif isinstance(optimizer, Mapping) and 'type' not in optimizer:
        yield Mistake('optim_wrapper.optimizer.type',
                      f'is missing.{similar("type", optimizer)}')


def _companions(cfg: Mapping, split: str, required: bool) -> Iterator[Mistake]:
    """What of a split is missing, although the rest of it is there."""
    keys = [f'{split}_cfg', f'{split}_dataloader', 'optim_wrapper'
            if split == 'train' else f'{split}_evaluator']
    there = [key for key in keys if cfg.get(key) is not None]
    for key in keys if there or required else ():
        if key not in there:
            yield Mistake(
                key, f'is missing; {", ".join(keys)} belong together.'
                f'{similar(key, set(cfg) - set(keys))}')


def _split(cfg: Mapping, split: str) -> Iterator[Mistake]:
    """Mistakes of a split's loop, data loader and evaluator."""
    loop = cfg.get(f'{split}_cfg')
    if loop is not None and not isinstance(loop, Mapping):
        yield Mistake(f'{split}_cfg', f'expected a dict, got {shown(loop)}')
    elif loop is not None and loop_is_standard(cfg, split):
        if split == 'train':
            yield from _train_loop(cfg)
        for key, check in ((f'{split}_dataloader', _loader),
                           (f'{split}_evaluator', _evaluator)):
            if cfg.get(key) is not None:
                yield from check(cfg[key], key)


def _train_loop(cfg: Mapping) -> Iterator[Mistake]:
    loop = cfg['train_cfg']
    kind = type_name(loop)
    if bool(kind) == ('by_epoch' in loop):
        yield Mistake(
            'train_cfg.type',
            'expected either type or by_epoch, of which '
            f'{"both are" if kind else "none is"} there')
        return
    by_epoch = kind == 'EpochBasedTrainLoop' or bool(loop.get('by_epoch'))
    length = 'max_epochs' if by_epoch else 'max_iters'
    if length not in loop:
        yield Mistake(f'train_cfg.{length}', 'is missing; expected an integer '
                      f'of at least 1.{similar(length, loop)}')
    yield from _broken(loop, TRAIN_LOOP, 'train_cfg')
    if by_epoch and 'InfiniteSampler' in map(
            type_name, dict(values_at(cfg, 'train_dataloader.sampler')
                            ).values()):
        yield Mistake('train_dataloader.sampler.type', 'InfiniteSampler never '
                      'ends an epoch, and train_cfg counts epochs; expected '
                      'DefaultSampler, or a loop that counts iterations')


def _loader(loader: Any, path: str) -> Iterator[Mistake]:
    if not isinstance(loader, Mapping):
        yield Mistake(path, f'expected a dict, got {shown(loader)}')
        return
    for name in ('dataset', 'sampler'):
        node = loader.get(name)
        if name not in loader:
            yield Mistake(
                f'{path}.{name}', 'is missing; expected a dict with the key '
                f'type.{similar(name, loader)}')
        elif isinstance(node, Mapping) and 'type' not in node:
            yield Mistake(f'{path}.{name}.type',
                          f'is missing.{similar("type", node)}')
    yield from _broken(loader, LOADER, path)


def _evaluator(evaluator: Any, path: str) -> Iterator[Mistake]:
    if not isinstance(evaluator, (Mapping, list, tuple)):
        yield Mistake(
            path,
            f'expected a dict or a list of dicts, got {shown(evaluator)}')
        return
    metrics = [evaluator] if isinstance(evaluator, Mapping) else evaluator
    for i, metric in enumerate(metrics):
        where = path if metrics[0] is evaluator else f'{path}[{i}]'
        if not isinstance(metric, Mapping):
            yield Mistake(where, f'expected a dict, got {shown(metric)}')
        elif 'type' not in metric and 'metrics' not in metric:
            yield Mistake(f'{where}.type',
                          f'is missing.{similar("type", metric)}')
