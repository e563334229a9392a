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
from pathlib import PurePath
from pickle import UnpicklingError
from typing import Any, Callable, Dict, Iterator, Optional, Set

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version

# Booleans, numbers and text: no kind whose bytes could hold a pointer.
_PLAIN_DTYPE = re.compile(r'[biufcSU]\d{1,9}')


class _Record:
    """Hold what a file says about an object: its arguments and its state."""

    def __new__(cls, *args: Any) -> '_Record':
        record = super().__new__(cls)
        record.args, record.state = args, None
        return record

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _refuse(record: _Record) -> None:
    raise ValueError(f'{type(record).__name__} where MMEngine saves none')


def _dtype(record: _Record) -> np.dtype:
    code, order = record.args[0], record.state[1]
    if not _PLAIN_DTYPE.fullmatch(code) or order not in ('<', '>', '|'):
        raise ValueError(f'dtype {order!r}{code!r} is no plain one')
    return np.dtype(order + code)


def _array(record: _Record) -> np.ndarray:
    _, shape, dtype, is_fortran, data = record.state
    return np.ndarray(
        shape,
        _revived(dtype, np.dtype),
        _revived(data, bytes),
        order='F' if is_fortran else 'C').copy()


def _scalar(record: _Record) -> np.generic:
    dtype, data = record.args
    return np.frombuffer(
        _revived(data, bytes), _revived(dtype, np.dtype), count=1)[0]


def _history(record: _Record) -> HistoryBuffer:
    log, count = (
        _revived(record.state[name], np.ndarray)
        for name in ('_log_history', '_count_history'))
    return HistoryBuffer(log, count, record.state['max_length'])


# Functions that make the objects which a file names.
_BUILDERS: Dict[str, Callable[[_Record], Any]] = {
    'mmengine.logging.history_buffer.HistoryBuffer': _history,
    'mmengine.config.config.ConfigDict':
    lambda record: ConfigDict(*_revive(record.args)),
    # What training scripts of others save.
    'argparse.Namespace': lambda record: Namespace(**_revive(record.state)),
    'pathlib.PosixPath': lambda record: PurePath(*record.args),
    'pathlib._local.PosixPath': lambda record: PurePath(*record.args),
    'builtins.bytes': lambda record: b'',
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


def _revived(value: Any, kind: type) -> Any:
    value = _revive(value)
    if not isinstance(value, kind):
        raise ValueError(f'{type(value).__name__} in place of {kind.__name__}')
    return value


def _revive(value: Any, seen: Optional[Set[int]] = None) -> Any:
    """Turn the records in nested containers into what they describe."""
    seen = set() if seen is None else seen
    if isinstance(value, _Record):
        return _BUILDERS[type(value).__name__](value)
    if isinstance(value, type) and issubclass(value, _Record):
        raise ValueError(f'{value.__name__} by itself')
    if type(value) in (tuple, set):
        return type(value)(_revive(x, seen) for x in value)
    if not isinstance(value, (list, dict)) or id(value) in seen:
        return value
    seen.add(id(value))  # A container may hold itself, or stand twice.
    if isinstance(value, list):
        value[:] = [_revive(x, seen) for x in value]
    else:
        items = [(_revive(k, seen), _revive(v, seen))
                 for k, v in value.items()]
        value.clear()
        value.update(items)
    return value


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
        return _revive(content)
    except Exception as error:
        raise UnpicklingError(
            'besides weights it holds what MMEngine does not save '
            f'({error}). It may be damaged, or crafted to run code.'
        ) from error
