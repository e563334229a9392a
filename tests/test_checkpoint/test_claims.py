"""Files that ask for more than they hold; the bounds are set low here."""
import sys
import zipfile
from argparse import Namespace
from collections import deque

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from test_stand_ins import Calls

from mmconvnextv2.checkpoint import (
    CheckpointError,
    claims,
    read_checkpoint,
    stand_ins,
)

_DATA = torch.arange(4.)
_STORAGE = torch.storage.TypedStorage(
    wrap_storage=_DATA.untyped_storage(), dtype=_DATA.dtype, _internal=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'x.pth'


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(str(path))
    return str(caught.value).removeprefix(
        f'{path} is damaged, cut off or no checkpoint '
        f'({path.stat().st_size} bytes): ')


def tensor(*args):
    return Calls(torch._utils._rebuild_tensor_v2, _STORAGE, *args, False, {})


def chain(times, once, start=(1, )):
    for _ in range(times):
        start = once(start)
    return start


def twice(x):
    return x, x


@pytest.mark.parametrize('legacy', [False, True])
@pytest.mark.parametrize('content, asked', [
    (tensor(0, (40, ), (1, )), '40 numbers for a tensor (40,)'),
    (tensor(3, (2, ), (1, )), '5 numbers for a tensor (2,)'),
    (tensor(0, (2, 3), (2, 1)), '5 numbers for a tensor (2, 3)'),
    (tensor(0, (500, 30), (0, 0)), '60,016 bytes of tensors'),
    ([tensor(0, (50, i), (0, 0)) for i in range(9, 99)], 'bytes of tensors'),
    (Calls(bytearray, 50_000), '50,016 bytes of tensors'),
    (Calls(torch.Tensor, 400, 200), '80,016 bytes of tensors'),
    (Calls(torch.Tensor, 10**200), 'more than 1e15 bytes of tensors'),
    (Calls(torch._tensor._rebuild_from_type_v2, bytearray, torch.Tensor,
           (60_000, ), None), '60,016 bytes of tensors'),
    (chain(13, twice), 'items in a tuple'),
    # As a key it is unfolded each time.
    ([{chain(9, twice): i} for i in range(9)], 'items of objects'),
    (Calls(set, [chain(9, twice)] * 9), 'items of objects'),
    # So is what is copied.
    ([Calls(set, x) for x in [list(range(900))] for _ in range(70)],
     'items of objects'),
    ([Calls(np._core.multiarray._reconstruct, np.ndarray, (i, ), b'b', state=(
        1, (3000, ), np.dtype('u1'), False, x))
      for x in [bytes(3000)] for i in range(99)], 'items of objects'),
])
def test_more_is_refused(path, monkeypatch, legacy, content, asked):
    torch.save([_DATA, content], path,
               _use_new_zipfile_serialization=not legacy)
    monkeypatch.setattr(claims, '_FREE', 1000)
    monkeypatch.setattr(claims, '_FACTOR', 5)
    text = refusal(path)
    assert f'{asked}, at most ' in text and text.startswith('it asks for ')
    assert text.endswith(' can be right for its size')


def _rewritten(path, change, compression=zipfile.ZIP_STORED):
    """Write the records of a file again, changed."""
    with zipfile.ZipFile(path) as old:
        records = {x: old.read(x) for x in old.namelist()}
    with zipfile.ZipFile(path, 'w', compression) as new:
        for name, data in records.items():
            if (changed := change(name, data)) is not None:
                new.writestr(name, changed)


@pytest.mark.parametrize('change, asked, held', [
    (lambda name, data: data.replace(b'K\x04t', b'K\xf0t'), 960, 16),
    (lambda name, data: None if name == 'x/data/0' else data, 16, 0)])
def test_storage_that_claims_more_than_its_record(path, change, asked, held):
    torch.save(_DATA, path)
    _rewritten(path, change)
    assert refusal(path) == (
        f"it asks for {asked} bytes of tensor data '0', at most {held} can be "
        'right for its size')


def test_storages_that_claim_more_than_an_old_file(path):
    torch.save(_DATA, path, _use_new_zipfile_serialization=False)
    data = path.read_bytes()
    assert data.count(b'K\x04N') == 1
    path.write_bytes(data.replace(b'K\x04N', b'M\xff\xffN'))
    assert refusal(path) == (
        'it asks for 262,140 bytes of tensors, at most '
        f'{path.stat().st_size:,} can be right for its size')


def test_records_that_are_packed(path):
    torch.save(torch.zeros(1000), path)
    _rewritten(path, lambda _, data: data, zipfile.ZIP_DEFLATED)
    assert ' is compressed (' in refusal(path)
    assert refusal(path).endswith(' bytes), as PyTorch never does')


def test_records_that_claim_the_same_bytes(path):
    torch.save(torch.zeros(1000), path)
    with zipfile.ZipFile(path, 'a') as file:
        # Both have the place and the size of one.
        file.filelist += [file.getinfo('x/data/0')] * 2
        file._didModify = True
    assert refusal(path).startswith('its records claim 12,')


def test_what_is_shared_is_read_once(path, monkeypatch):
    calls = []

    def counted(value, seen, revive=stand_ins._revive):
        calls.append(1)
        return revive(value, seen)

    content = chain(14, twice), chain(
        30, lambda x: ConfigDict(a=x, b=x), ConfigDict()), chain(
            30, lambda x: Namespace(a=x, b=[x, np.float64(1)]), 3)
    torch.save(content, path)
    monkeypatch.setattr(stand_ins, '_revive', counted)
    found = read_checkpoint(str(path))
    assert len(calls) < 1000
    assert found[0] == content[0] and found[0][0] is found[0][1]
    assert type(found[1].a) is ConfigDict and found[1].a is found[1].b
    assert found[2].a is found[2].b[0]


@pytest.mark.parametrize('legacy', [False, True])
def test_what_is_right_is_read(path, legacy):
    """Views, shared and empty tensors of all dtypes, and a Parameter."""
    kinds = [torch.zeros(3, dtype=x) for x in (
        torch.bool, torch.half, torch.bfloat16, torch.int8, torch.float64,
        torch.complex64)]
    content = dict(
        kinds=kinds, again=kinds * 3, view=torch.ones(4, 6)[1:, ::2],
        wide=torch.ones(1, 1).expand(5, 7), empty=torch.ones(0, 3),
        scalar=torch.tensor(2.), own=torch.nn.Parameter(torch.ones(2)),
        state=torch.get_rng_state())
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(str(path))
    for name in ('view', 'wide', 'empty', 'scalar', 'own', 'state'):
        assert torch.equal(found[name], content[name]), name
    assert all(map(torch.equal, found['again'], kinds * 3))


class Items(list):
    """What a checkpoint of others may hold."""


class Made:
    """Made by a name and its argument."""

    def __new__(cls, name):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), dict(name=1)


@pytest.mark.parametrize('legacy, protocol', [(True, 2), (False, 2),
                                              (False, 4)])
@pytest.mark.parametrize('held, name', [
    (deque([1, 2]), 'collections.deque'), (Items('ab'), 'Items'),
    (Made(1), ''), (torch.nn.Sequential(torch.nn.Linear(1, 1)),
                    'torch.nn.modules.container.Sequential')])
def test_what_is_not_loaded_is_named(path, legacy, protocol, held, name):
    """The file is whole: it is not called damaged, nor removed."""
    torch.save(dict(state_dict=dict(a=_DATA), held=held), path,
               _use_new_zipfile_serialization=not legacy,
               pickle_protocol=protocol)
    assert 'is damaged' not in refusal(path)
    assert 'it asks for' in refusal(path) or protocol == 4
    assert name in refusal(path) or protocol == 4


def test_what_is_nested_deeply(path):
    deep = chain(3000, lambda x: [x], [])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        torch.save(deep, path)
    finally:
        sys.setrecursionlimit(limit)
    assert 'it is nested too deeply' in refusal(path)
