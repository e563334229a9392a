"""Name the part of a config that was being built or run when a run failed.

The types in a config are marked with their paths, which copies of them keep.
``Registry.build`` and the methods of the runner that read a section of the
config then note on an error where it came through. So do hooks, metrics and,
until the first step is done, modules.
"""
import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any
from unittest.mock import patch

from mmengine.config import Config
from mmengine.dataset import InfiniteSampler
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS, Registry
from torch import nn

from mmconvnextv2.config.arguments import part_mistakes
from mmconvnextv2.config.check import ConfigError
from mmconvnextv2.config.walk import SPLITS, LocatedType, locate_types
from mmconvnextv2.errors import CommandError, doing, what_was_done

# Methods of MMEngine's runners: the section of the config that they read.
_SECTIONS = dict(
    setup_env='env_cfg', set_randomness='randomness', build_logger='log_level',
    build_model='model', register_default_hooks='default_hooks',
    register_custom_hooks='custom_hooks', build_train_loop='train_cfg',
    build_val_loop='val_cfg', build_test_loop='test_cfg',
    build_dataloader='dataloader',  # of the loop that is being built
    build_evaluator='evaluator', build_optim_wrapper='optim_wrapper',
    build_param_scheduler='param_scheduler', _init_model_weights='model',
    load_or_resume='load_from')

# Methods of hooks and metrics.
_FOLLOWED = ('before_', 'after_', 'process', 'evaluate')


class Trail:
    """The part of a config at which an error came up; marks its types."""

    def __init__(self, cfg: Config, splits: Sequence[str]) -> None:
        locate_types(cfg, splits)
        self._runner = RUNNERS.get(cfg.get('runner_type', 'Runner'))
        self._split = self._event = ''
        self._following = contextlib.ExitStack()  # until the first step

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Follow a run that is built and run inside.

        Raises:
            ConfigError: For a part whose type does not exist or does not take
                its arguments.
            CommandError: For data of which no batch comes.
        """
        changed = [(Registry, 'build', self._build),
                   (self._runner, 'call_hook', self._call_hook),
                   *((self._runner, x, self._read_section) for x in _SECTIONS)]
        with self._following, contextlib.ExitStack() as stack:
            for owner, name, make in changed:
                if method := getattr(owner, name, None):
                    new = wraps(method)(make(method))
                    if name == 'build_dataloader':
                        new = staticmethod(new)
                    stack.enter_context(patch.object(owner, name, new))
            yield

    def action(self, error: BaseException) -> str:
        """Say in words what was being done when an error came up."""
        split = next((x for x in SPLITS if x in self._event), '')
        if noted := what_was_done(error):
            return noted
        if self._event == f'before_{split}_iter':
            return f'running a {split} step'
        if self._event in (f'before_{split}_epoch', f'after_{split}_iter'):
            return f'reading {split}_dataloader'
        return f'running the {split} loop' if split else 'starting the run'

    def _build(self, method: Callable) -> Callable:

        def build(registry: Registry, cfg: Any, *args: Any,
                  **kwargs: Any) -> Any:
            kind = cfg.get('type') if isinstance(cfg, Mapping) else None
            if not isinstance(kind, LocatedType):
                return method(registry, cfg, *args, **kwargs)
            try:
                with doing(f'building {kind.path} ({kind})'):
                    built = method(registry, cfg, *args, **kwargs)
            except Exception as error:
                added = args[0] if args else kwargs.get('default_args')
                mistakes = list(
                    part_mistakes(kind.path, cfg, registry, added or ()))
                if mistakes and not isinstance(error, CommandError):
                    raise ConfigError.of(mistakes) from error
                raise
            self._follow(built, f'running {kind.path} ({kind})')
            return built

        return build

    def _follow(self, built: Any, action: str) -> None:
        """Follow what a module, hook or metric does from now on."""

        def note(*args: Any) -> None:
            error = sys.exc_info()[1]
            if error is not None and not what_was_done(error):
                error.doing = action

        def noted(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            with doing(action if module is built else ''):
                return loss(module, *args, **kwargs)

        if isinstance(built, nn.Module):
            handle = built.register_forward_hook(note, always_call=True)
            self._following.callback(handle.remove)
            # Heads of OpenMMLab are not called, their losses are. Copies of
            # a module, such as EMA's, must not call that of the module.
            if loss := getattr(type(built), 'loss', None):
                self._following.enter_context(patch.object(
                    type(built), 'loss', wraps(loss)(noted)))
        elif isinstance(built, (Hook, BaseMetric)):
            for name in dir(built):
                if name.startswith(_FOLLOWED):
                    setattr(built, name, doing(action)(getattr(built, name)))

    def _read_section(self, method: Callable) -> Callable:
        key = _SECTIONS[method.__name__]

        def read(*args: Any, **kwargs: Any) -> Any:
            if method.__name__.endswith('_loop'):
                self._split = key.removesuffix('_cfg')
            section = f'{self._split}_{key}' if key in (
                'dataloader', 'evaluator') else key
            with doing(f'setting up {section}'):
                built = method(*args, **kwargs)
                if key == 'dataloader':
                    _require_batches(built, section)
            return built

        return read

    def _call_hook(self, method: Callable) -> Callable:

        def call_hook(runner: Any, fn_name: str, **kwargs: Any) -> None:
            self._event = fn_name
            # A hook that was built from the config has noted itself.
            with doing(f'running the hooks at {fn_name}'):
                method(runner, fn_name, **kwargs)
            if fn_name == 'after_train_iter':
                self._following.close()

        return call_hook


def _require_batches(loader: Any, section: str) -> None:
    """Refuse data of which no batch comes."""
    dataset = getattr(loader, 'dataset', None)
    if not hasattr(dataset, '__len__'):
        return
    number, size = len(dataset), getattr(loader, 'batch_size', None) or 1
    where = getattr(dataset, 'ann_file', '') or getattr(
        dataset, 'data_prefix', 'its folder')
    if not number:  # On which MMEngine's sampler never ends.
        problem = (
            f'{type(dataset).__name__} has no samples: nothing is in {where}, '
            'or nothing passes its filter (images without an object of '
            'metainfo.classes, for one)')
    elif (loader.drop_last and number < size
          and not isinstance(loader.sampler, InfiniteSampler)):
        problem = (f'{number} images are fewer than a batch of {size}, and '
                   f'{section}.drop_last leaves out what is no whole batch: '
                   f'set {section}.batch_size={number}, or '
                   f'{section}.drop_last=False')
    else:
        return
    raise CommandError(
        f'the data cannot be used:\n  {section}.dataset: {problem}')
