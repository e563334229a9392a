"""Share checks and error messages among the tools."""
import argparse
import contextlib
import os
import os.path as osp
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmconvnextv2.checkpoint import main_file
from mmconvnextv2.config.check import read_config
from mmconvnextv2.config.data_sources import (
    describe_missing,
    write_missing_shapes,
)
from mmconvnextv2.config.find import find_config
from mmconvnextv2.config.preflight import SPLITS, missing_data
from mmconvnextv2.config.walk import type_name
from mmconvnextv2.engine.cpu import keep_freed_memory
from mmconvnextv2.engine.hooks import DataCheckHook
from . import registered  # noqa: F401
from .errors import CommandError

# Of tools whose command line has no such argument.
_ABSENT = dict(launcher='none', local_rank=0, cfg_options=None, work_dir=None)
_FIT = 'CheckpointFitHook'
_RANK_VARIABLES = dict(
    pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


def is_main_process(launcher: str) -> bool:
    """Say if this process has rank 0, before the processes have met."""
    return os.environ.get(_RANK_VARIABLES.get(launcher, ''), '0') == '0'


def speaker(launcher: str) -> Callable[[str], None]:
    """Return a function that prints a line in the main process only."""
    if is_main_process(launcher):
        return lambda text: print(text, flush=True)
    return lambda text: None


def run_command(command: Callable[[argparse.Namespace], None],
                args: argparse.Namespace) -> int:
    """Run a tool; the main process alone prints a ``CommandError``.

    Returns the exit code: 0, 2 for a request that cannot be met, or 1 for a
    run that has broken.
    """
    vars(args).update({**_ABSENT, **vars(args)})
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    keep_freed_memory()
    try:
        _require_launcher(args.launcher)
        command(args)
    except CommandError as error:
        if error.is_of_each_process or is_main_process(args.launcher):
            print(f'{command.__name__}.py: {error}', file=sys.stderr)
        return error.exit_code
    return 0


def _require_launcher(launcher: str) -> None:
    variable = _RANK_VARIABLES.get(launcher)
    if variable and variable not in os.environ:
        raise CommandError(
            f'--launcher {launcher}: {variable} is not set, so nothing has '
            'started several processes. dist_*.sh and slurm_*.sh beside this '
            'tool do; without --launcher, one process runs.')


def read_settings(words: Sequence[str] | None) -> dict[str, Any]:
    """Read KEY=VALUE words as MMEngine does.

    Raises:
        CommandError: If there is another word, or a bracket without its pair.
    """
    found = argparse.Namespace()
    try:
        DictAction([], 'settings')(None, found, words)
    except (AssertionError, ValueError) as error:
        raise CommandError('--cfg-options: expected KEY=VALUE, with brackets '
                           f'in pairs, got {words}') from error
    return found.settings


def load_config(args: argparse.Namespace) -> Config:
    """Load the config that the arguments name and apply the common ones.

    Raises:
        CommandError: If it cannot be read, or an option does not fit it.
    """
    try:
        path = find_config(args.config)
    except FileNotFoundError as error:
        raise CommandError(str(error)) from error
    cfg = read_config(path, read_settings(args.cfg_options),
                      speaker(args.launcher))
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = osp.join('./work_dirs', path.stem)
    elif not isinstance(cfg.work_dir, str):
        raise CommandError('work_dir must be the path of a folder, got '
                           f'{cfg.work_dir!r}')
    if cfg.get('default_scope') == 'mmpretrain':
        # As mmpretrain's own tools do, whose configs leave it out.
        for split in SPLITS:
            if isinstance(loader := cfg.get(f'{split}_dataloader'), Mapping):
                loader.setdefault('collate_fn', dict(type='default_collate'))
    return cfg


def require_data(cfg: Mapping, args: argparse.Namespace,
                 splits: Sequence[str], initial_weights: bool) -> None:
    """Check that what the config names is there; write the shapes data set.

    ``initial_weights`` says whether ``init_cfg`` will be applied.

    Raises:
        CommandError: If something is missing.
    """
    missing = missing_data(cfg, splits, initial_weights)
    obstacle = ''
    try:
        if write_missing_shapes(missing, speaker(args.launcher),
                                is_main_process(args.launcher)):
            missing = missing_data(cfg, splits, initial_weights)
    except FileExistsError as error:
        obstacle = f'\n\n{error}'
    if missing:
        text = describe_missing(missing, args.config,
                                'python -m mmconvnextv2 train')
        raise CommandError(text + obstacle)


def require_file(path: str, argument: str) -> None:
    """Check that an argument is a URL or the path of a checkpoint.

    Raises:
        CommandError: If not; names those beside it.
    """
    if '://' in path or osp.isfile(main_file(osp.expanduser(path))):
        return
    if osp.isdir(path):
        raise CommandError(f'{argument}: {path!r} is a folder, expected a '
                           'checkpoint')
    folder = osp.dirname(path) or '.'
    found = sorted(x.name for x in Path(folder).glob('*.pth'))
    there = f" Checkpoints in {folder}: {', '.join(found)}." if found else ''
    raise CommandError(f'{argument}: there is no file {path!r} (seen from '
                       f'{os.getcwd()}).{there}')


def require_writable(folder: str) -> None:
    """Check that files can be written to a folder, which is made if need be.

    Raises:
        CommandError: If not; says why.
    """
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix='.writable') as x:
            x.write(bytes(2**12))
            x.flush()
    except OSError as error:
        raise CommandError(
            f'the work dir {folder} cannot be written to: '
            f'{error.strerror or error} ({error.filename}). Choose another '
            '--work-dir, or change what is in the way.') from error


def build_runner(cfg: Config, splits: Sequence[str],
                 say: Callable[[str], None]) -> Runner:
    """Build the runner that the config asks for, and check the data.

    A config of others gets ``CheckpointFitHook``; ``say`` prints that.
    """
    custom = list(cfg.get('custom_hooks') or ())
    hooks = [*(cfg.get('default_hooks') or {}).values(), *custom]
    if _FIT not in [type_name(x) for x in hooks if x]:
        hook = dict(type=f'mmconvnextv2.{_FIT}')
        say(f'Added to custom_hooks: {hook}. It refuses checkpoints that do '
            'not fit the model, of which MMEngine only keeps a log.')
        cfg.custom_hooks = [*custom, hook]
    runner = RUNNERS.build(cfg)
    checks = [x for x in getattr(runner, 'hooks', ())
              if isinstance(x, DataCheckHook)]
    if hasattr(runner, 'cfg'):  # of MMEngine's kind
        (checks or [DataCheckHook()])[0].check(runner, splits)
    return runner


@contextlib.contextmanager
def refused(argument: str, *kinds: type[Exception]) -> Iterator[None]:
    """Raise a ``CommandError`` that blames an argument instead of errors."""
    try:
        yield
    except kinds as error:
        raise CommandError(f'{argument}: {error}') from error
