"""Name the part of a config that was being built or run when a run failed.

The types in a config are marked with their paths, which copies of them keep,
and ``Registry.build`` marks what it builds. When a run has failed, the frames
of the traceback say which part's method, or which section's, was running:
nothing is watched while the run is well.
"""
import contextlib
import traceback
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from mmengine.registry import Registry
from mmengine.runner import BaseLoop

from mmconvnextv2.errors import CommandError
from .check import ConfigError, Mistake, part_mistakes
from .walk import SPLITS, parts

# Functions of MMEngine: the section of the config that they read.
_SECTIONS = dict(
    setup_env='env_cfg',
    set_randomness='randomness',
    build_logger='log_level',
    build_model='model',
    register_default_hooks='default_hooks',
    register_custom_hooks='custom_hooks',
    build_train_loop='train_cfg',
    build_val_loop='val_cfg',
    build_test_loop='test_cfg',
    build_optim_wrapper='optim_wrapper',
    build_param_scheduler='param_scheduler',
    _init_model_weights='model',
    load_or_resume='load_from')
# Functions that a loop calls, and its own.
_OF_A_LOOP = dict(
    build_dataloader='setting up {}_dataloader',
    build_evaluator='setting up {}_evaluator',
    __next__='reading {}_dataloader',
    run_iter='running a {} step',
    run_epoch='running the {} loop',
    run='running the {} loop')
# Modules that these functions lie in.
_FOLLOWED = ('mmengine.', 'torch.utils.data.')
_MARK = '_place_in_config'


class LocatedType(str):
    """Name of a type that knows its path, as do all copies of it."""

    path: str

    def __deepcopy__(self, memo: dict) -> 'LocatedType':
        return self

    def __reduce__(self) -> tuple:
        return str, (str(self), )


@contextlib.contextmanager
def located_parts(cfg: Mapping, splits: Sequence[str]) -> Iterator[None]:
    """Mark the types in a config, and the parts that are built inside.

    Args:
        cfg (Mapping): The config of a run.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' that the
            run uses.

    Raises:
        ConfigError: For a part whose type does not exist or does not take its
            arguments, and for a data set without samples.
    """
    unused = tuple(f'{x}_' for x in SPLITS if x not in splits)
    for path, part in parts(dict(cfg.items())):
        if isinstance(part.get('type'), str) and not path.startswith(unused):
            part['type'] = LocatedType(part['type'])
            part['type'].path = path
    before = Registry.build
    Registry.build = _build_located
    try:
        yield
    finally:
        Registry.build = before


_build = Registry.build


def _build_located(registry: Registry, cfg: Any, *args: Any,
                   **kwargs: Any) -> Any:
    kind = cfg.get('type') if isinstance(cfg, Mapping) else None
    if not isinstance(kind, LocatedType):
        return _build(registry, cfg, *args, **kwargs)
    added = args[0] if args else kwargs.get('default_args') or {}
    place = f'{kind.path} ({kind})'
    if kind.path.endswith('_dataloader.sampler'):
        _require_samples(added.get('dataset'), kind.path)
    try:
        built = _build(registry, cfg, *args, **kwargs)
    except CommandError:
        raise
    except Exception as error:
        if found := list(part_mistakes(kind.path, cfg, registry, added)):
            raise ConfigError.of(found) from error
        guesses = part_mistakes(kind.path, cfg, registry, added, is_deep=True)
        place += ''.join(f' ({x.key}: {x.problem})' for x in guesses)
        raise
    with contextlib.suppress(TypeError):  # of what has no attributes
        vars(built)[_MARK] = place
    return built


def _require_samples(dataset: Any, sampler: str) -> None:
    """Refuse an empty data set, on which MMEngine's sampler never ends."""
    if hasattr(dataset, '__len__') and len(dataset) == 0:
        raise ConfigError.of([
            Mistake(
                sampler.replace('.sampler', '.dataset'),
                f'{type(dataset).__name__} has no samples: nothing is there, '
                'or nothing passes its filter (images without an object of '
                'metainfo.classes, for one)')
        ])


def what_failed(error: BaseException) -> str:
    """Say in words what was being done when an error came up."""
    errors = [error]
    while error := error.__cause__ or error.__context__:
        errors.append(error)
    for error in reversed(errors):
        frames = [x for x, _ in traceback.walk_tb(error.__traceback__)]
        of_loop = ''
        for frame in reversed(frames):
            of_loop = of_loop or _OF_A_LOOP.get(_name(frame), '')
            if found := _action(frame, of_loop):
                return found
    return 'starting the run'


def _name(frame: FrameType) -> str:
    """Name the function of a frame, if it is MMEngine's or a loop's."""
    module = frame.f_globals.get('__name__', '')
    is_followed = module.startswith(_FOLLOWED) or isinstance(
        frame.f_locals.get('self'), BaseLoop)
    return frame.f_code.co_name if is_followed else ''


def _action(frame: FrameType, of_loop: str) -> str:
    """Say what a frame does; '' if that is nothing of the config."""
    if frame.f_code is _build_located.__code__ and 'place' in frame.f_locals:
        return f"building {frame.f_locals['place']}"
    part = frame.f_locals.get('self')
    if isinstance(part, BaseLoop) and of_loop:
        kinds = ' '.join(x.__name__ for x in type(part).__mro__).lower()
        return of_loop.format(next(x for x in (*SPLITS, '') if x in kinds))
    if place := getattr(part, '__dict__', {}).get(_MARK):
        return f'running {place}'
    section = _SECTIONS.get(_name(frame))
    return f'setting up {section}' if section else ''
