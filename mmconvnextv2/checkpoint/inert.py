"""Read MMEngine's checkpoints with nothing but data made of what they hold.

MMEngine saves more than tensors: the log's HistoryBuffers with their numpy
arrays. ``torch.load(weights_only=True)`` refuses these, and allowing what
they name would be too much: getattr reaches everything, and numpy believes a
dtype that a file describes, so that crafted bytes become pointers. Here each
such name stands for a record without behaviour; when the whole file is read,
the records of plain numbers and names are turned into what they describe,
and any other is refused.
"""
import contextlib
import re
from argparse import Namespace
from pathlib import PurePath
from pickle import UnpicklingError
from typing import Any, Callable, Iterator, Optional, Set

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

# Booleans, numbers and text: no kind whose bytes could hold a pointer.
_PLAIN_DTYPE = re.compile(r'[biufcSU]\d{1,9}')


class _Inert:
    """What the file says about an object: its arguments and its state."""

    def __new__(cls, *args: Any) -> '_Inert':
        record = super().__new__(cls)
        record.args, record.state = args, None
        return record

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def build(self) -> Any:
        """Make the object, of plain data only."""
        raise ValueError(f'{type(self).__name__.lstrip("_")} stands where '
                         'MMEngine saves none')


class _Attribute(_Inert):
    """getattr. HistoryBuffer's methods are saved by it and not needed."""


class _ArrayType(_Inert):
    """numpy.ndarray, an argument of the next but one."""


class _Empty(_Inert):

    def build(self) -> bytes:
        return b''


class _Dtype(_Inert):

    def build(self) -> np.dtype:
        code, order = self.args[0], self.state[1]
        if not _PLAIN_DTYPE.fullmatch(code) or order not in ('<', '>', '|'):
            raise ValueError(f'dtype {order!r}{code!r} is no plain one')
        return np.dtype(order + code)


class _Array(_Inert):

    def build(self) -> np.ndarray:
        _, shape, dtype, is_fortran, data = self.state
        order = 'F' if is_fortran else 'C'
        return np.ndarray(
            shape, _built(dtype, _Dtype), _revive(data), order=order).copy()


class _Scalar(_Inert):

    def build(self) -> np.generic:
        dtype, data = self.args
        return np.frombuffer(_revive(data), _built(dtype, _Dtype), 1)[0]


class _History(_Inert):

    def build(self) -> HistoryBuffer:
        log, count = (
            _built(self.state[name], _Array)
            for name in ('_log_history', '_count_history'))
        return HistoryBuffer(log, count, self.state['max_length'])


class _Config(_Inert):

    def build(self) -> ConfigDict:
        content, = self.args
        return ConfigDict(_revive(content))


class _Arguments(_Inert):
    """What training scripts of others keep of their command line."""

    def build(self) -> Namespace:
        return Namespace(**_revive(self.state))


class _Path(_Inert):

    def build(self) -> PurePath:
        return PurePath(*self.args)


_RECORDS = [
    (_Arguments, 'argparse.Namespace'),
    (_Path, 'pathlib.PosixPath'),
    (_Path, 'pathlib._local.PosixPath'),  # Python 3.13
    (_Attribute, 'builtins.getattr'),
    (_Empty, 'builtins.bytes'),
    (_ArrayType, 'numpy.ndarray'),
    (_Dtype, 'numpy.dtype'),
    (_History, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_Config, 'mmengine.config.config.ConfigDict'),
    # The latter names are those of numpy 1.
    (_Array, 'numpy._core.multiarray._reconstruct'),
    (_Scalar, 'numpy._core.multiarray.scalar'),
    (_Array, 'numpy.core.multiarray._reconstruct'),
    (_Scalar, 'numpy.core.multiarray.scalar'),
]


def _built(record: Any, kind: type) -> Any:
    if not isinstance(record, kind):
        raise ValueError(f'{type(record).__name__} in place of '
                         f'{kind.__name__.lstrip("_")}')
    return record.build()


def _revive(value: Any, seen: Optional[Set[int]] = None) -> Any:
    """Turn the records in nested containers into what they describe."""
    if isinstance(value, _Inert):
        return value.build()
    if isinstance(value, type) and issubclass(value, _Inert):
        raise ValueError(f'the type {value.__name__.lstrip("_")} by itself')
    seen = set() if seen is None else seen
    if id(value) in seen:  # A container that holds itself, or stands twice.
        return value
    if type(value) is tuple:
        return tuple(_revive(x, seen) for x in value)
    if type(value) is set:
        return {_revive(x, seen) for x in value}
    if isinstance(value, (list, dict)):
        seen.add(id(value))
    if isinstance(value, list):
        value[:] = [_revive(x, seen) for x in value]
    elif isinstance(value, dict):
        items = [(_revive(k, seen), _revive(v, seen))
                 for k, v in value.items()]
        value.clear()
        value.update(items)
    return value


def _full_name(allowed: Any) -> str:
    if isinstance(allowed, tuple):
        return allowed[1]
    return f'{allowed.__module__}.{allowed.__qualname__}'


@contextlib.contextmanager
def _records_only() -> Iterator[None]:
    """Let our records stand for their names, whatever else is allowed."""
    allowed = torch.serialization.get_safe_globals()
    ours = {name for _, name in _RECORDS}
    others = [x for x in allowed if _full_name(x) not in ours]
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(others + _RECORDS)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)


def load_inert(load: Callable[[], Any]) -> Any:
    """Read a checkpoint of MMEngine's without running what it may contain.

    Args:
        load (Callable[[], Any]): Calls ``torch.load(weights_only=True)``.
            Needs torch 2.6.

    Returns:
        Any: What the file holds, as MMEngine saved it.

    Raises:
        UnpicklingError: If it names anything else, or describes something
            that MMEngine does not save.
    """
    with _records_only():
        content = load()
    try:
        return _revive(content)
    except (ArithmeticError, AssertionError, AttributeError, LookupError,
            RecursionError, TypeError, ValueError) as error:
        raise UnpicklingError(
            'besides weights it holds what MMEngine does not save '
            f'({error}). It may be damaged, or crafted to run code.'
        ) from error
