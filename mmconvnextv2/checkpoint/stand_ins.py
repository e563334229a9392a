"""Build the objects that MMEngine saves, and no others, from inert records.

MMEngine saves more than tensors: the log's HistoryBuffers with their numpy
arrays. ``torch.load(weights_only=True)`` refuses these, and allowing what
they name would be too much: getattr reaches everything, and numpy believes a
dtype that a file describes, so that crafted bytes become pointers. Here each
such name stands for a record without behaviour. Once the whole file is read,
records of plain numbers and names are turned into what they describe, and any
other is refused.
"""
import contextlib
import re
from argparse import Namespace
from functools import partial
from pathlib import PurePath
from pickle import UnpicklingError
from typing import Any, Callable, Dict, Iterator, Tuple

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version

# Booleans, numbers and text: no kind whose bytes could hold a pointer.
_PLAIN_DTYPE = re.compile(r'[biufcSU]\d{1,9}')
_Revive = Callable[[Any], Any]


class _Record:
    """Hold what a file says about an object: its arguments and its state."""

    def __new__(cls, *args: Any) -> '_Record':
        record = super().__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _refuse(record: _Record, revive: _Revive) -> None:
    raise ValueError(f'{type(record).__name__} where MMEngine saves none')


def _dtype(record: _Record, revive: _Revive) -> np.dtype:
    code, order = record.args[0], record.state[1]
    if not _PLAIN_DTYPE.fullmatch(code) or order not in ('<', '>', '|'):
        raise ValueError(f'dtype {order!r}{code!r} is no plain one')
    return np.dtype(order + code)


def _array(record: _Record, revive: _Revive) -> np.ndarray:
    _, shape, dtype, is_fortran, data = record.state
    return np.ndarray(
        shape,
        _revived(dtype, np.dtype, revive),
        _revived(data, bytes, revive),
        order='F' if is_fortran else 'C').copy()


def _scalar(record: _Record, revive: _Revive) -> np.generic:
    dtype, data = record.args
    return np.frombuffer(
        _revived(data, bytes, revive),
        _revived(dtype, np.dtype, revive),
        count=1)[0]


def _history(record: _Record, revive: _Revive) -> HistoryBuffer:
    log, count = (
        _revived(record.state[name], np.ndarray, revive)
        for name in ('_log_history', '_count_history'))
    return HistoryBuffer(log, count, record.state['max_length'])


def _config(record: _Record, revive: _Revive) -> ConfigDict:
    made = ConfigDict()
    for items in revive(record.args):
        # As it is: ConfigDict would copy all that is within.
        dict.update(made, items)
    return made


# Functions that make the objects which a file names.
_BUILDERS: Dict[str, Callable[[_Record, _Revive], Any]] = {
    'mmengine.logging.history_buffer.HistoryBuffer': _history,
    'mmengine.config.config.ConfigDict': _config,
    # What training scripts of others save.
    'argparse.Namespace': lambda record, revive: Namespace(**revive(
        record.state)),
    'pathlib.PosixPath': lambda record, _: PurePath(*record.args),
    'pathlib._local.PosixPath': lambda record, _: PurePath(*record.args),
    'builtins.bytes': lambda record, _: b'',
    'numpy.dtype': _dtype,
    'numpy._core.multiarray._reconstruct': _array,
    'numpy._core.multiarray.scalar': _scalar,
    'numpy.core.multiarray._reconstruct': _array,  # numpy 1
    'numpy.core.multiarray.scalar': _scalar,
    # Named by arrays and by methods of HistoryBuffer, and not needed.
    'numpy.ndarray': _refuse,
    'builtins.getattr': _refuse,
}
_RECORDS = [(type(name, (_Record, ), {}), name) for name in _BUILDERS]


def _revived(value: Any, kind: type, revive: _Revive) -> Any:
    value = revive(value)
    if not isinstance(value, kind):
        raise ValueError(f'{type(value).__name__} in place of {kind.__name__}')
    return value


def _revive(value: Any, seen: Dict[int, Tuple[Any, Any]]) -> Any:
    """Turn the records in nested containers into what they describe."""
    if isinstance(value, type) and issubclass(value, _Record):
        raise ValueError(f'{value.__name__} by itself')
    if id(value) in seen:
        return seen[id(value)][1]
    revive, made = partial(_revive, seen=seen), value
    if isinstance(value, _Record):
        made = _BUILDERS[type(value).__name__](value, revive)
    elif type(value) in (tuple, set):
        made = type(value)(map(revive, value))
    elif isinstance(value, (list, dict)):
        seen[id(value)] = value, value  # It may hold itself.
        if isinstance(value, list):
            value[:] = list(map(revive, value))
        else:
            items = [(revive(k), revive(v)) for k, v in value.items()]
            value.clear()
            value.update(dict(items))  # A Counter would count pairs.
    else:
        return value
    # What is seen stays alive, or another would get its id.
    seen[id(value)] = value, made
    return made


@contextlib.contextmanager
def _records_only() -> Iterator[None]:
    """Let records stand for their names, whatever the user allows."""
    allowed = torch.serialization.get_safe_globals()
    named = {(x[1] if isinstance(x, tuple) else
              f'{x.__module__}.{x.__qualname__}'): x for x in allowed}
    others = [x for name, x in named.items() if name not in _BUILDERS]
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(others + _RECORDS)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)


def are_possible() -> bool:
    """Tell whether torch lets classes stand for other names: since 2.6."""
    return digit_version(torch.__version__) >= digit_version('2.6')


def load_data(path: str, **kwargs: Any) -> Any:
    """Read a file of ``torch.save`` without running what it may contain.

    Args:
        path (str): The file. It may also hold what the user has allowed by
            ``torch.serialization.add_safe_globals``.
        **kwargs: Further arguments of ``torch.load``.

    Raises:
        UnpicklingError: If the file names anything else, or describes what
            MMEngine does not save; before torch 2.6, if it holds more than
            tensors and plain types.
    """
    with _records_only() if are_possible() else contextlib.nullcontext():
        content = torch.load(path, weights_only=True, **kwargs)
    try:
        return _revive(content, {})
    except Exception as error:
        reason = 'it is nested too deeply' if isinstance(
            error, RecursionError) else error
        raise UnpicklingError(
            'besides weights it holds what MMEngine does not save '
            f'({reason}). It may be damaged, or crafted to run code.'
        ) from error
