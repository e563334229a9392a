"""Read a config, and refuse by its key what is certain to fail."""
import ast
import contextlib
import inspect
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine import registry as registries
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmconvnextv2.errors import CommandError
from .arguments import Mistake, argument_mistakes, part_mistakes, similar
from .conflicts import conflicts
from .find import find_config
from .walk import SPLITS, name_types, parts, type_name

# Runners and loops that read a config as MMEngine does; '' is the default.
_RUNNERS = ('', 'Runner', 'FlexibleRunner', 'ShardedRunner')
_LOOPS = ('', 'EpochBasedTrainLoop', 'IterBasedTrainLoop', 'ValLoop',
          'TestLoop')


class ConfigError(CommandError):
    """Mistakes in a config."""

    @classmethod
    def of(cls, mistakes: Sequence[Mistake]) -> 'ConfigError':
        """List mistakes, of which there is at least one."""
        what = 'a mistake' if len(mistakes) == 1 else 'mistakes'
        lines = '\n  '.join(f'{x.key}: {x.problem}' for x in mistakes)
        return cls(f'the config has {what}:\n  {lines}')


def read_config(path: str | Path, options: Mapping[str, Any] | None = None,
                say: Callable[[str], None] = print) -> Config:
    """Read a config file and replace some of its values.

    Args:
        path (str | Path): The file.
        options (Mapping[str, Any], optional): Values by dotted key.
        say (Callable): Takes a warning of options that MMEngine does not read.

    Raises:
        ConfigError: Names the file and line, or the key of the option.
    """
    try:
        cfg = Config.fromfile(str(path))
        name_types(cfg)
    except Exception as error:
        raise ConfigError(f'{_line(error, path)}: the config cannot be read: '
                          f'{_reason(error)}{_meant_base(error)}') from error
    known = {*cfg, *inspect.signature(Runner).parameters}
    for key, value in (options or {}).items():
        top = key.partition('.')[0]
        if top not in known:
            text = f'--cfg-options {key}: the config has no key {top!r}.'
            if guess := similar(top, known):
                raise ConfigError(text + guess)
            say(f'Warning: {text} MMEngine does not read it either.')
        try:
            cfg.merge_from_dict({key: value})
        except Exception as error:
            raise ConfigError(
                f'--cfg-options {key}: {_reason(error)}') from error
    return cfg


def _reason(error: BaseException) -> str:
    if isinstance(error, ImportError):  # custom_imports hides the cause
        error = error.__cause__ or error
    text = error.args[0] if isinstance(error, KeyError) else error
    return f'{type(error).__name__}: {text}'


def _meant_base(error: BaseException) -> str:
    """Name the config of this package that a missing base has the name of."""
    missing = Path(getattr(error, 'filename', None) or '')
    with contextlib.suppress(FileNotFoundError):
        return (f'. The config of that name that comes with mmconvnextv2 is '
                f"_base_ = '{find_config(missing.name).resolve()}'")
    return ''


def _line(error: BaseException, path: str | Path) -> str:
    """Find the line of a config or one of its bases that raised an error."""
    if isinstance(error, SyntaxError):
        try:
            ast.parse(Path(path).read_text(encoding='utf-8'))
        except SyntaxError as own:
            return f'{path}, line {own.lineno}'
        return f'a base of {path}, line {error.lineno}'
    ran = [x for x in traceback.extract_tb(error.__traceback__)
           if x.name == '<module>']
    return f'{ran[-1].filename}, line {ran[-1].lineno}' if ran else str(path)


class _Place(NamedTuple):
    """Parts of a config that MMEngine builds from one registry."""

    pattern: str  # of their paths
    registry: Registry
    added: tuple[str, ...] = ()  # arguments that MMEngine adds
    needs_type: bool = True


_OF_LOOPS = ('runner', 'dataloader', 'evaluator')
_SPLIT = f"({'|'.join(SPLITS)})"
_DATASET = rf'{_SPLIT}_dataloader(\.dataset)+'
_PLACES = (
    _Place('model', registries.MODELS),
    _Place('log_processor', registries.LOG_PROCESSORS, needs_type=False),
    _Place('visualizer', registries.VISUALIZERS, ('name', ), False),
    _Place(r'visualizer\.vis_backends\[\d+\]', registries.VISBACKENDS,
           ('save_dir', )),
    _Place(r'default_hooks\.\w+|custom_hooks\[\d+\]', registries.HOOKS),
    _Place(r'optim_wrapper\.optimizer', registries.OPTIMIZERS, ('params', )),
    _Place(r'param_scheduler(\[\d+\])?', registries.PARAM_SCHEDULERS,
           ('optimizer', 'epoch_length'), False),
    _Place(f'{_SPLIT}_cfg', registries.LOOPS, _OF_LOOPS, False),
    _Place(rf'{_SPLIT}_dataloader\.(batch_)?sampler',
           registries.DATA_SAMPLERS,
           ('dataset', 'seed', 'sampler', 'batch_size')),
    _Place(rf'{_SPLIT}_dataloader\.collate_fn', registries.FUNCTIONS),
    _Place(_DATASET, registries.DATASETS),
    _Place(rf'{_DATASET}\.pipeline\[\d+\]', registries.TRANSFORMS),
    _Place(rf'{_SPLIT}_evaluator(\.metrics)?(\[\d+\])?', registries.METRICS,
           needs_type=False),
)


def require_names(cfg: Config, splits: Sequence[str]) -> None:
    """Check types and their arguments; imports the config's scope.

    Raises:
        ConfigError: If a run of ``splits`` is certain to fail; lists all.
    """
    if mistakes := find_mistakes(dict(cfg.items()), splits):
        raise ConfigError.of(mistakes)


def find_mistakes(cfg: Mapping, splits: Sequence[str]) -> list[Mistake]:
    """Find what ``require_names`` refuses."""
    if type_name(cfg.get('runner_type')) not in _RUNNERS:
        return []
    found = [] if 'model' in cfg else [
        Mistake('model', f'is missing.{similar("model", cfg)}')]
    unused = tuple(f'{x}_' for x in SPLITS if x not in splits)
    with DefaultScope.overwrite_default_scope(
            cfg.get('default_scope') or 'mmengine'):
        for path, part in parts(cfg):
            if not path.startswith(unused):
                found += _mistakes_at(path, part, cfg)
    return found + list(conflicts(cfg, splits))


def _mistakes_at(path: str, part: Mapping, cfg: Mapping) -> Iterator[Mistake]:
    place = next((x for x in _PLACES if re.fullmatch(x.pattern, path)), None)
    loop = cfg.get(f"{path.partition('_')[0]}_cfg")
    for length in ('max_epochs', 'max_iters'):
        if path == 'train_cfg' and part.get(length) == 0:
            yield Mistake(f'{path}.{length}', 'trains nothing, got 0')
    if place and 'type' in part and 'metrics' not in part:
        yield from part_mistakes(path, part, place.registry, place.added)
    elif place and place.needs_type:
        yield Mistake(f'{path}.type', f'is missing.{similar("type", part)}')
    elif path == 'train_cfg' and 'by_epoch' in part:
        kind = EpochBasedTrainLoop if part['by_epoch'] else IterBasedTrainLoop
        yield from argument_mistakes(path, kind, part, _OF_LOOPS)
    elif path == 'randomness':
        yield from argument_mistakes(path, Runner.set_randomness, part)
    elif re.fullmatch(f'{_SPLIT}_dataloader',
                      path) and type_name(loop) in _LOOPS:
        yield from argument_mistakes(path, DataLoader, part)
        if 'sampler' not in part:  # MMEngine would not shuffle.
            yield Mistake(f'{path}.sampler',
                          f'is missing.{similar("sampler", part)}')
        elif type_name(part['sampler']) == 'InfiniteSampler' and (
                type_name(loop) == 'EpochBasedTrainLoop'
                or loop.get('by_epoch')):
            yield Mistake(f'{path}.sampler.type', 'InfiniteSampler never ends '
                          'an epoch, and train_cfg counts epochs')
