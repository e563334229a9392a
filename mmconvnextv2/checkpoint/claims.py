"""Bound what a checkpoint asks for, before it gets any of it.

A file of ``torch.save`` is a program that builds objects. A small one can ask
for huge ones: by compressed records, by sizes that it only states, by objects
within objects that are shared ever again. It is run here first with names that
do nothing; what it asks for is added up and compared with the file's size.
"""
import io
import math
import os.path as osp
import pickle
import zipfile
from collections.abc import Sized
from functools import partial
from typing import Any, BinaryIO, Callable, Dict, Mapping, Optional

import torch

# As much more as tensors and objects that share data may seem to need.
_FACTOR = 16
_FREE = 2**20  # bytes or items that any file may ask for
_HASHING = ('set', 'Counter', 'OrderedDict')


class _Inert:
    """Stand for an object; its length is that of what it is made of."""

    scout: '_Scout'

    def __new__(cls, *args: Any, **_: Any) -> '_Inert':
        made = super().__new__(cls)
        made.length = cls.scout.weigh(cls.__name__, args)
        return made

    def __len__(self) -> int:
        return self.length

    def __call__(self, *args: Any) -> '_Inert':
        return self

    def append(self, item: Any) -> None:
        """Take an item, as what is made of lists does."""

    def __setstate__(self, state: Any) -> None:
        self.scout.weigh(type(self).__name__, (state, ))
        if isinstance(state, tuple):  # as tensors and arrays have
            self.scout.weigh(type(self).__name__, state)

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class _Storage:
    """Stand for the data of tensors."""

    def __init__(self, kind: type, numel: int) -> None:
        name = kind.__name__.rpartition('.')[2]
        dtype = torch.uint8 if name == 'UntypedStorage' else \
            torch.serialization.StorageType(name).dtype
        self.numel = numel
        self.itemsize = torch.empty(0, dtype=dtype).element_size()


class _Tuple(tuple):
    """Know how many items it has if each that is shared counts again."""

    unfolded = 1
    scout: '_Scout'

    def __hash__(self) -> int:
        self.scout.add_items(self.unfolded)
        return super().__hash__()


def _load_tuple(scout: '_Scout', load: Callable[['_Scout'], None]) -> None:
    load(scout)
    made = _Tuple(scout.stack[-1])
    made.scout = scout
    made.unfolded = 1 + sum(getattr(x, 'unfolded', 1) for x in made)
    scout.refuse_more(made.unfolded, scout.most_items, 'items in a tuple')
    scout.stack[-1] = made


class _Scout(pickle._Unpickler):
    """Run a pickle without its effects; refuse it when it asks for too much.

    Args:
        file (BinaryIO): The pickle.
        length (int): Its bytes.
        size (int): Bytes of the whole file.
        records (Mapping[str, int], optional): Bytes of each storage, if they
            are records.
    """

    dispatch = dict(pickle._Unpickler.dispatch)
    for _code in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
        dispatch[_code[0]] = partial(_load_tuple, load=dispatch[_code[0]])

    def __init__(self, file: BinaryIO, length: int, size: int,
                 records: Optional[Mapping[str, int]] = None) -> None:
        super().__init__(file, encoding='latin1')
        self.size, self.records = size, records
        self.most_items = _FREE + _FACTOR * length
        self.items = self.nbytes = self.stored = 0
        self.names: Dict[str, type] = {}
        self.storages: Dict[str, _Storage] = {}

    def load(self) -> Any:
        try:
            return super().load()
        except (pickle.UnpicklingError, KeyError) as error:
            raise ValueError(f'no pickle of PyTorch ({error})') from error

    def find_class(self, module: str, name: str) -> type:
        name = f'{module}.{name}'
        if name not in self.names:
            self.names[name] = type(name, (_Inert, ), dict(scout=self))
        return self.names[name]

    def persistent_load(self, pid: Any) -> Any:
        if pid[0] == 'module':  # Its class, in files before PyTorch 1.6.
            return pid[1]
        _, kind, key, _, numel, *_ = pid
        if key not in self.storages:
            storage = self.storages[key] = _Storage(kind, numel)
            nbytes = abs(numel) * storage.itemsize
            self.stored += nbytes
            self.refuse_more(self.stored, self.size, 'bytes of tensors')
            if self.records is not None:
                self.refuse_more(nbytes, self.records.get(key, 0),
                                 f'bytes of tensor data {key!r}')
        return self.storages[key]

    def weigh(self, name: str, args: tuple) -> int:
        """Add what a call makes; returns the items that it is made of."""
        if args and isinstance(args[0], _Storage):
            self._weigh_tensor(*args[:4])
        elif name == 'torch._tensor._rebuild_from_type_v2':
            args[0](*args[2])
        elif name.endswith('.bytearray') or name.startswith('torch.'):
            self._add_bytes(math.prod(x for x in args if type(x) is int))
        sized = [x for x in args if isinstance(x, Sized)]
        length = sum(map(len, sized))
        self.add_items(length)
        if name.rpartition('.')[2] in _HASHING:
            self.add_items(sum(getattr(x, 'unfolded', 0)
                               for y in sized for x in y))
        return length

    def _weigh_tensor(self, storage: _Storage, offset: int, shape: tuple,
                      stride: tuple) -> None:
        if min(shape, default=1):
            self.refuse_more(
                1 + offset + sum((n - 1) * s for n, s in zip(shape, stride)),
                storage.numel, f'numbers for a tensor {tuple(shape)}')
        self._add_bytes(math.prod(shape) * storage.itemsize)

    def _add_bytes(self, nbytes: int) -> None:
        self.nbytes += abs(nbytes)
        self.refuse_more(self.nbytes, _FREE + _FACTOR * self.size,
                         'bytes of tensors')

    def add_items(self, number: int) -> None:
        """Add items of containers."""
        self.items += number
        self.refuse_more(self.items, self.most_items, 'items of objects')

    def refuse_more(self, asked: int, most: int, what: str) -> None:
        """Refuse a file that asks for more than it may."""
        if asked > most:
            figure = f'{asked:,}' if asked < 10**15 else 'more than 1e15'
            raise ValueError(f'it asks for {figure} {what}, at most {most:,} '
                             'can be right for its size')


def refuse_greed(content: bytes) -> None:
    """Refuse a pickle without tensors that asks for too much."""
    _Scout(io.BytesIO(content), len(content), len(content)).load()


def refuse_claims(path: str) -> None:
    """Refuse a file that asks for more than it can hold.

    Raises:
        ValueError: If it does; gives the figures.
        Exception: Any other, if the file is damaged.
    """
    size = osp.getsize(path)
    with open(path, 'rb') as file:
        if path.endswith('.safetensors'):
            if (claimed := int.from_bytes(file.read(8), 'little')) > size - 8:
                raise ValueError(f'its header claims {claimed:,} bytes')
            return
        if file.read(4) != b'PK\3\4':  # Older than PyTorch 1.6.
            file.seek(0)
            for _ in range(4):  # format, version, system, content
                _Scout(file, size, size).load()
            return
    with zipfile.ZipFile(path) as archive:
        records = {x.filename.partition('/')[2]: x for x in archive.infolist()}
        for name, record in records.items():
            if record.compress_type:
                raise ValueError(
                    f'its record {name} is compressed ({record.file_size:,} '
                    f'from {record.compress_size:,} bytes), as PyTorch never '
                    'does')
        claimed = sum(x.file_size for x in archive.infolist())
        if claimed > size:
            raise ValueError(f'its records claim {claimed:,} bytes')
        content = archive.read(records['data.pkl'])
        storages = {name.removeprefix('data/'): record.file_size
                    for name, record in records.items()}
        _Scout(io.BytesIO(content), len(content), size, storages).load()
