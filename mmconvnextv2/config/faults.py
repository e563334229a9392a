"""What a user is told of mistakes in a config, in the place of a traceback."""
import contextlib
import os.path as osp
import sys
import traceback
from typing import Any, Iterator, List, Sequence

from mmengine.config import Config
from mmengine.dist import get_rank
from torch.utils.data import DataLoader

from mmconvnextv2.config.checks.mistakes import SPLITS
from mmconvnextv2.errors import CommandError
from mmconvnextv2.files import write_text
from .checks import Mistake, explain, name_mistakes, value_mistakes

_TRACEBACK = 'traceback.txt'


class ConfigError(CommandError):
    """A mistake in a config."""


class BuildError(ConfigError):
    """A part of the config that failed; each process tells its own reason."""

    is_of_each_process = True


def require_values(cfg: Config, splits: Sequence[str]) -> None:
    """Check the values of MMEngine's own keys.

    Args:
        cfg (Config): The config.
        splits (Sequence[str]): What will be used: ('train', 'val') or
            ('test', ).

    Raises:
        ConfigError: If one is wrong; lists all that are.
    """
    _refuse(value_mistakes(dict(cfg.items()), splits))


def require_names(cfg: Config, splits: Sequence[str]) -> None:
    """Check the types in a config, and what they are given; the same way."""
    _refuse(name_mistakes(dict(cfg.items()), splits))


def _refuse(mistakes: List[Mistake]) -> None:
    if mistakes:
        lines = '\n  '.join(map(str, mistakes))
        raise ConfigError(f'the config has a mistake:\n  {lines}' if len(
            mistakes) == 1 else f'the config has mistakes:\n  {lines}')


@contextlib.contextmanager
def explained_config(cfg: Config) -> Iterator[None]:
    """Trace errors of building and of the first step back to the config.

    The whole traceback goes to traceback.txt in the work dir.

    Args:
        cfg (Config): The config of the run.

    Raises:
        BuildError: In the place of an error that a part of the config leads
            to; names it.
    """
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        fault = explain(error, dict(cfg.items()))
        if fault is None:
            raise
        raise BuildError(
            f'the config has a mistake:\n  {fault.mistake}\n'
            f'Raised at {fault.raised_at}; '
            f'{_keep_traceback(error, cfg.work_dir)}') from error


def _keep_traceback(error: BaseException, folder: str) -> str:
    text = ''.join(
        traceback.format_exception(type(error), error, error.__traceback__))
    rank = get_rank()
    file = osp.join(folder, f'rank{rank}_{_TRACEBACK}' if rank else _TRACEBACK)
    try:
        write_text(file, text)
    except OSError:
        print(text, file=sys.stderr)
        return 'the whole traceback is above.'
    return f'the whole traceback is in {file}.'


def refuse_empty_data(runner: Any) -> None:
    """Let a runner refuse data sets without a sample.

    MMEngine's sampler for iterations would look for one for ever, and epochs
    of no iterations train nothing.

    Args:
        runner (Runner): The runner, before it builds its data loaders.

    Raises:
        ConfigError: When it builds an empty one.
    """
    build = getattr(runner, 'build_dataloader', None)
    if build is None:
        return

    def build_filled(dataloader: Any, *args: Any, **kwargs: Any) -> DataLoader:
        loader = build(dataloader, *args, **kwargs)
        dataset = getattr(loader, 'dataset', None)
        if hasattr(dataset, '__len__') and len(dataset) == 0:
            raise ConfigError(_empty(runner, dataloader, dataset))
        return loader

    runner.build_dataloader = build_filled


def _empty(runner: Any, dataloader: Any, dataset: Any) -> str:
    keys = [f'{x}_dataloader' for x in SPLITS]
    key = next((x for x in keys if runner.cfg.get(x) == dataloader), keys[0])
    given = ', '.join(
        f'{k}={dataloader["dataset"][k]!r}'
        for k in ('data_root', 'ann_file', 'data_prefix', 'filter_cfg',
                  'metainfo', 'indices') if dataloader['dataset'].get(k))
    return (f'the config has a mistake:\n  {key}.dataset: '
            f'{type(dataset).__name__} has no samples: nothing is there, or '
            'nothing passes its filter (images without an object of '
            f'metainfo.classes, for one). Given: {given}')
