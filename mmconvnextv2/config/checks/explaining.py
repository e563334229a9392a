"""Explain by the config why a run could not be built, or failed at once."""
import os.path as osp
import re
import site
import sys
import sysconfig
from typing import Mapping, NamedTuple, Optional

import torch

from .blame import blame
from .frames import runner_of
from .mistakes import Mistake
from .tracing import Origin, trace

# What a wrong value in a config can come to. Disks and networks have errors
# of their own.
_KINDS = (TypeError, ValueError, LookupError, AttributeError, AssertionError,
          RuntimeError, ArithmeticError, ImportError, NameError,
          FileNotFoundError, NotADirectoryError, IsADirectoryError)
# Of the machine, not of the config.
_NOT_OURS = re.compile(r'out of memory|CUDA error|NCCL|DataLoader worker \(pid'
                       r'|could not be written|Connection|timed out', re.I)


class ConfigFault(NamedTuple):
    """Why a run failed, as far as the config tells.

    Attributes:
        mistake (Mistake): The key, and what is wrong.
        raised_at (str): Source file and line of the error.
    """

    mistake: Mistake
    raised_at: str


def explain(error: BaseException, cfg: Mapping) -> Optional[ConfigFault]:
    """Explain an error by the config.

    Args:
        error (BaseException): What building, the first training step,
            validation or a test raised.
        cfg (Mapping): The config of the run.

    Returns:
        ConfigFault: None if the error does not come from a part of the
        config, is of the machine (memory, disk, network), or came when
        training had already worked.
    """
    if not isinstance(error, _KINDS) or _NOT_OURS.search(str(error)):
        return None
    if isinstance(error, getattr(torch, 'OutOfMemoryError', ())):
        return None
    origin = trace(error, cfg)
    if not origin.path or _has_trained(error, origin):
        return None
    return ConfigFault(blame(error, origin, cfg), _raised_at(origin))


def _has_trained(error: BaseException, origin: Origin) -> bool:
    """Whether the config has been good for a step of training."""
    if origin.is_building or origin.split in ('val', 'test'):
        return False
    loop = getattr(runner_of(error), '_train_loop', None)
    return getattr(loop, '_iter', 0) > 0


def _raised_at(origin: Origin) -> str:
    if not origin.frames:
        return ''
    frame, line = origin.frames[-1]
    file = osp.abspath(frame.f_code.co_filename)
    folders = [*sys.path, sysconfig.get_paths()['stdlib'],
               *site.getsitepackages()]
    inside = [x for x in folders if x and file.startswith(osp.abspath(x)
                                                          + osp.sep)]
    if inside:
        file = osp.relpath(file, max(inside, key=len))
    return f'{file}:{line}'
