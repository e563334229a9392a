"""Read a config and check its types and arguments before a run is built.

What is certain to fail is refused by its key, with similar names. Whatever
else fails is named by :mod:`mmconvnextv2.config.locate`.
"""
import ast
import difflib
import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from inspect import Parameter
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from mmengine import registry as registries
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from mmconvnextv2.errors import CommandError
from .walk import SPLITS, parts, type_name

# Keys that MMEngine takes out of a part before it builds the rest.
_TAKEN = ('type', '_scope_', 'priority', 'convert_to_iter_based', 'by_epoch',
          'num_batch_per_epoch', 'disable_subprocess_warning')
# Runners and loops that read a config as MMEngine does; '' is the default.
_RUNNERS = ('', 'Runner', 'FlexibleRunner', 'ShardedRunner')
_LOOPS = ('', 'EpochBasedTrainLoop', 'IterBasedTrainLoop', 'ValLoop',
          'TestLoop')
# Packages whose annotations can be trusted.
_TRUSTED = ('mmengine', 'torch', 'mmconvnextv2')
_NEVER_TEXT = (bool, int, float, list, tuple, dict, type(None))
_BY_NAME = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


class ConfigError(CommandError):
    """Mistakes in a config."""

    @classmethod
    def of(cls, mistakes: Sequence['Mistake']) -> 'ConfigError':
        """List mistakes, of which there is at least one."""
        what = 'a mistake' if len(mistakes) == 1 else 'mistakes'
        lines = '\n  '.join(f'{x.key}: {x.problem}' for x in mistakes)
        return cls(f'the config has {what}:\n  {lines}')


class Mistake(NamedTuple):
    """A mistake in a config, at a key such as 'model.bbox_head[0].type'."""

    key: str
    problem: str


def similar(name: str, candidates: Iterable[str]) -> str:
    """Ask for similar names: '' or a sentence with a space in front."""
    found = difflib.get_close_matches(
        str(name), sorted(set(candidates) - {name}), n=2)
    return f" Did you mean {' or '.join(map(repr, found))}?" if found else ''


def read_config(path: str | Path,
                options: Mapping[str, Any] | None = None,
                say: Callable[[str], None] = print) -> Config:
    """Read a config file and replace some of its values.

    Args:
        path (str | Path): The file.
        options (Mapping[str, Any], optional): Values by dotted key.
        say (Callable): Takes a warning of options that MMEngine does not
            read. Defaults to print.

    Raises:
        ConfigError: If that fails; names the file and line, or the key of the
            option.
    """
    try:
        cfg = Config.fromfile(str(path))
    except Exception as error:
        raise ConfigError(f'{_line(error, path)}: the config cannot be read: '
                          f'{_reason(error)}') from error
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
    """Check the types in a config and the arguments that they are given.

    Imports what the scope of the config registers, as MMEngine will.

    Args:
        cfg (Config): The config.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' that the
            run uses.

    Raises:
        ConfigError: If a run is certain to fail; lists all mistakes.
    """
    mistakes = find_mistakes(dict(cfg.items()), splits)
    if mistakes:
        raise ConfigError.of(mistakes)


def find_mistakes(cfg: Mapping, splits: Sequence[str]) -> list[Mistake]:
    """Find what :func:`require_names` refuses."""
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
    return found


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
        yield from _argument_mistakes(path, kind, part, _OF_LOOPS)
    elif path == 'randomness':
        yield from _argument_mistakes(path, Runner.set_randomness, part)
    elif re.fullmatch(f'{_SPLIT}_dataloader',
                      path) and type_name(loop) in _LOOPS:
        yield from _argument_mistakes(path, DataLoader, part)
        if 'sampler' not in part:  # MMEngine would not shuffle.
            yield Mistake(f'{path}.sampler',
                          f'is missing.{similar("sampler", part)}')
        elif type_name(part['sampler']) == 'InfiniteSampler' and (
                type_name(loop) == 'EpochBasedTrainLoop'
                or loop.get('by_epoch')):
            yield Mistake(f'{path}.sampler.type', 'InfiniteSampler never ends '
                          'an epoch, and train_cfg counts epochs')


def part_mistakes(path: str,
                  part: Mapping,
                  registry: Registry,
                  added: Iterable[str] = (),
                  is_deep: bool = False) -> Iterator[Mistake]:
    """Find a type that does not exist, or arguments that it does not take.

    Args:
        path (str): Path of the part.
        part (Mapping): The part, with the key type.
        registry (Registry): Where the type is looked up, from the default
            scope of the moment.
        added (Iterable[str]): Arguments that MMEngine adds.
        is_deep (bool): Whether to follow ``**kwargs`` into base classes, for
            a good guess that is not certain. Defaults to False.
    """
    kind = part['type']
    if isinstance(kind, str):
        with registry.switch_scope_and_registry(part.get('_scope_')) as found:
            try:
                kind = found.get(kind)
            except (RuntimeError, ImportError):
                kind = None
        if kind is None:
            yield _unknown_type(path, part['type'], found)
    if callable(kind):
        yield from _argument_mistakes(path, kind, part, added, is_deep)


def _unknown_type(path: str, name: str, registry: Registry) -> Mistake:
    names, searched = set(), registry
    while searched is not None:
        names.update(searched.module_dict)
        searched = searched.parent
    scope = DefaultScope.get_current_instance()
    other = f' (default_scope is {scope.scope_name!r})' if scope and \
        scope.scope_name != registry.scope else ''
    guess = similar(name, names) or similar(name.rpartition('.')[2], names)
    return Mistake(
        f'{path}.type', f'there is no {registry.name} {name!r} in '
        f'{registry.scope}{other}.{guess} A class of your own must be '
        'registered and its module be in custom_imports')


def _argument_mistakes(path: str,
                       kind: Callable,
                       part: Mapping,
                       added: Iterable[str] = (),
                       is_deep: bool = False) -> Iterator[Mistake]:
    name = getattr(kind, '__name__', str(kind))
    given = [x for x in part if x not in _TAKEN]
    known, takes_any = _arguments(kind, is_deep)
    for unknown in () if takes_any else set(given) - set(known):
        yield Mistake(f'{path}.{unknown}', f'{name} has no such argument.'
                      f'{similar(unknown, known)} It takes '
                      f'{", ".join(x for x in known if x not in added)}')
    for missing in known if inspect.isclass(kind) and not is_deep else ():
        if known[missing].default is Parameter.empty and missing not in {
                *given, *added}:
            yield Mistake(f'{path}.{missing}', f'is missing; {name} needs it.'
                          f'{similar(missing, set(given) - set(known))}')
    if str(getattr(kind, '__module__', '')).split('.')[0] in _TRUSTED:
        for key, parameter in _arguments(kind, True)[0].items():
            kinds = parameter.annotation
            if isinstance(part.get(key), str) and _is_never_text(kinds):
                yield Mistake(f'{path}.{key}', f'got {part[key]!r}, expected '
                              f'{inspect.formatannotation(kinds)}')


def _is_never_text(annotation: Any) -> bool:
    kinds = get_args(annotation) if get_origin(annotation) in (
        Union, UnionType) else (annotation, )
    return all((get_origin(x) or x) in _NEVER_TEXT for x in kinds)


def _arguments(kind: Callable,
               is_deep: bool) -> tuple[dict[str, Parameter], bool]:
    """Read what a class or function takes by name, and if it takes any."""
    levels = [kind]
    if is_deep and inspect.isclass(kind):
        levels = [x.__init__ for x in kind.__mro__ if '__init__' in vars(x)]
    found: dict[str, Parameter] = {}
    for level in levels:
        try:
            parameters = inspect.signature(level).parameters.values()
        except (TypeError, ValueError):  # of code in C
            return {}, True
        for x in parameters:
            if x.kind in _BY_NAME and x.name != 'self':
                found.setdefault(x.name, x)
        if all(x.kind is not Parameter.VAR_KEYWORD for x in parameters):
            return found, False
    return found, True
