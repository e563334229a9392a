"""Name the part of a config that was being built or run when a run failed.

The types in a config are marked with their paths, which copies of them keep.
``Registry.build`` and the methods of the runner that read a section of the
config then note where an error came through, and so does a forward hook of
each module that the config names.
"""
import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS, Registry
from torch import nn

from mmconvnextv2.errors import CommandError
from .check import ConfigError, Mistake, part_mistakes
from .walk import SPLITS, parts

# Methods of MMEngine's runners: the section of the config that they read.
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
    build_dataloader='dataloader',  # of the loop that is being built
    build_evaluator='evaluator',
    build_optim_wrapper='optim_wrapper',
    build_param_scheduler='param_scheduler',
    _init_model_weights='model',
    load_or_resume='load_from')

# Methods of hooks and metrics.
_FOLLOWED = ('before_', 'after_', 'process', 'evaluate')


class LocatedType(str):
    """Name of a type that knows its path, as do all copies of it."""

    path: str

    def __deepcopy__(self, memo: dict) -> 'LocatedType':
        return self

    def __reduce__(self) -> tuple:
        return str, (str(self), )


class Trail:
    """The part of a config at which an error came up.

    Args:
        cfg (Config): The config of a run; its types are marked.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' that the
            run uses.
    """

    def __init__(self, cfg: Config, splits: Sequence[str]) -> None:
        unused = tuple(f'{x}_' for x in SPLITS if x not in splits)
        for path, part in parts(dict(cfg.items())):
            if isinstance(part.get('type'),
                          str) and not path.startswith(unused):
                part['type'] = LocatedType(part['type'])
                part['type'].path = path
        self._runner = RUNNERS.get(cfg.get('runner_type', 'Runner'))
        self._split = self._event = self._action = ''
        self._error: BaseException | None = None

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Follow a run that is built and run inside.

        Raises:
            ConfigError: For a part whose type does not exist or does not take
                its arguments, and for a data set without samples.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(_replaced(Registry, 'build', self._build))
            for name in _SECTIONS:
                if hasattr(self._runner, name):
                    stack.enter_context(
                        _replaced(self._runner, name, self._read_section))
            if hasattr(self._runner, 'call_hook'):
                stack.enter_context(
                    _replaced(self._runner, 'call_hook', self._call_hook))
            yield

    def action(self, error: BaseException) -> str:
        """Say in words what was being done when an error came up."""
        split = next((x for x in SPLITS if x in self._event), '')
        if self._knows(error):
            return self._action
        if self._event == f'before_{split}_iter':
            return f'running a {split} step'
        if self._event in (f'before_{split}_epoch', f'after_{split}_iter'):
            return f'reading {split}_dataloader'
        return f'running the {split} loop' if split else 'starting the run'

    def _knows(self, error: BaseException | None) -> bool:
        while error is not None and error is not self._error:
            error = error.__cause__ or error.__context__
        return error is not None

    def _note(self, error: BaseException, action: str) -> None:
        """Note what was being done, unless a part further inside has."""
        if not self._knows(error):
            self._error, self._action = error, action

    def _noted(self, method: Callable, action: str) -> Callable:
        """Let a method note what was being done when it fails."""

        @functools.wraps(method)
        def noted(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except Exception as error:
                self._note(error, action)
                raise

        return noted

    def _build(self, method: Callable) -> Callable:

        def build(registry: Registry, cfg: Any, *args: Any,
                  **kwargs: Any) -> Any:
            kind = cfg.get('type') if isinstance(cfg, Mapping) else None
            if not isinstance(kind, LocatedType):
                return method(registry, cfg, *args, **kwargs)
            try:
                built = method(registry, cfg, *args, **kwargs)
            except CommandError:
                raise
            except Exception as error:
                added = args[0] if args else kwargs.get('default_args')
                find = functools.partial(part_mistakes, kind.path, cfg,
                                         registry, added or ())
                if mistakes := list(find()):
                    raise ConfigError.of(mistakes) from error
                guess = ''.join(f' ({x.key}: {x.problem})'
                                for x in find(is_deep=True))
                self._note(error, f'building {kind.path} ({kind}){guess}')
                raise
            self._follow(built, f'running {kind.path} ({kind})')
            return built

        return build

    def _follow(self, built: Any, action: str) -> None:
        """Follow what a module, hook or metric does from now on."""

        def note(*args: Any) -> None:
            if (error := sys.exc_info()[1]) is not None:
                self._note(error, action)

        if isinstance(built, nn.Module):
            built.register_forward_hook(note, always_call=True)
        elif isinstance(built, (Hook, BaseMetric)):
            for name in dir(built):
                if name.startswith(_FOLLOWED):
                    setattr(built, name,
                            self._noted(getattr(built, name), action))

    def _read_section(self, method: Callable) -> Callable:
        key = _SECTIONS[method.__name__]

        def read(*args: Any, **kwargs: Any) -> Any:
            if method.__name__.endswith('_loop'):
                self._split = key.removesuffix('_cfg')
            section = f'{self._split}_{key}' if key in (
                'dataloader', 'evaluator') else key
            built = self._noted(method, f'setting up {section}')(*args,
                                                                 **kwargs)
            if key == 'dataloader':
                _require_samples(built, section)
            return built

        return read

    def _call_hook(self, method: Callable) -> Callable:

        def call_hook(runner: Any, fn_name: str, **kwargs: Any) -> None:
            self._event = fn_name
            method(runner, fn_name, **kwargs)

        return call_hook


def _require_samples(loader: Any, section: str) -> None:
    """Refuse an empty data set, on which MMEngine's sampler never ends."""
    dataset = getattr(loader, 'dataset', None)
    if hasattr(dataset, '__len__') and len(dataset) == 0:
        raise ConfigError.of([
            Mistake(
                f'{section}.dataset', f'{type(dataset).__name__} has no '
                'samples: nothing is there, or nothing passes its filter '
                '(images without an object of metainfo.classes, for one)')
        ])


@contextlib.contextmanager
def _replaced(owner: type, name: str,
              make: Callable[[Callable], Callable]) -> Iterator[None]:
    """Let ``make(method)`` replace a method for a while."""
    before = inspect.getattr_static(owner, name)
    method = functools.wraps(getattr(owner, name))(make(getattr(owner, name)))
    is_own = name in vars(owner)
    setattr(owner, name, staticmethod(method) if isinstance(
        before, staticmethod) else method)
    try:
        yield
    finally:
        setattr(owner, name, before) if is_own else delattr(owner, name)
