"""Checkpoints of MMEngine: read whole, and never run."""
import struct
from collections import Counter, OrderedDict
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version

from mmconvnextv2.checkpoint.stand_ins import _records_only, load_data

pytestmark = pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.6'),
    reason='torch before 2.6 knows no stand-ins and does not need them')


def saved(content, path):
    torch.save(content, path)
    return load_data(path)


class Calls:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function, *args, state=None):
        self.reduced = (function, args) + ((state, ) if state else ())

    def __reduce__(self):
        return self.reduced


def test_what_mmengine_saves_comes_back(tmp_path):
    log = HistoryBuffer([0.5, 0.25], [1, 2], max_length=3)
    shared = [np.float32(1.5)]
    content = dict(
        meta=dict(epoch=1, dataset_meta=ConfigDict(classes=('a', ), n={3, 4})),
        state_dict=OrderedDict(weight=torch.arange(3.)),
        message_hub=dict(
            log_scalars=OrderedDict(loss=log),
            runtime_info=OrderedDict(best=np.float64(0.75), name=np.str_('é'),
                                     done=np.bool_(True))),
        milestones=Counter({3: 1, 5: 2}),  # of MultiStepLR
        shared=(shared, shared, torch.Size([2])),
        arrays=[np.zeros((0, 2)), np.asfortranarray(np.arange(6).reshape(2, 3))
                ])
    found = saved(content, tmp_path / 'c.pth')
    buffer = found['message_hub']['log_scalars']['loss']
    assert type(buffer) is HistoryBuffer and buffer.max_length == 3
    assert buffer.mean() == 0.75 / 3 and buffer.statistics('min') == 0.25
    buffer.update(1.)
    assert buffer.data[0].tolist() == [0.5, 0.25, 1.]
    info = found['message_hub']['runtime_info']
    assert info == content['message_hub']['runtime_info']
    assert [type(x) for x in info.values()] == [np.float64, np.str_, np.bool_]
    assert type(found['meta']['dataset_meta']) is ConfigDict
    assert found['meta'] == content['meta']
    assert found['shared'] == content['shared']
    assert found['milestones'] == content['milestones']
    assert found['shared'][0] is found['shared'][1]
    assert type(found['shared'][2]) is torch.Size
    assert torch.equal(found['state_dict']['weight'], torch.arange(3.))
    for new, old in zip(found['arrays'], content['arrays']):
        assert type(new) is np.ndarray and new.dtype == old.dtype
        assert new.shape == old.shape and new.tolist() == old.tolist()
        assert new.flags.writeable


def test_names_of_numpy_1_are_known(tmp_path, monkeypatch):
    real = tmp_path / 'c.pth'
    torch.save(np.float64(2.), real, _use_new_zipfile_serialization=False)
    text = real.read_bytes()
    assert text.count(b'cnumpy._core.multiarray\n') == 1
    real.write_bytes(text.replace(b'cnumpy._core.', b'cnumpy.core.'))
    assert load_data(real) == 2.


def test_container_that_holds_itself(tmp_path):
    loop = [np.float64(1.)]
    loop.append(loop)
    found = saved(loop, tmp_path / 'c.pth')
    assert found[0] == 1. and found[1] is found


def _object_array():
    """Bytes taken for a pointer, by a dtype that hides its objects."""
    hidden = Calls(
        np.dtype, 'V8', False, True,
        state=(3, '|', None, ('a', ), {'a': (np.dtype('O'), 0)}, 8, 1, 0))
    return Calls(np._core.multiarray._reconstruct, np.ndarray, (0, ), b'b',
                 state=(1, (1, ), hidden, False, struct.pack('Q', 0x41)))


@pytest.mark.parametrize('content, reason', [
    (Calls(getattr, np.ndarray, 'tofile'), r'builtins\.getattr where MMEn'),
    (Calls(getattr, HistoryBuffer, '__init__'), r'builtins\.getattr where'),
    (_object_array(), r"dtype '\|''V8' is no plain one"),
    (np.array([{}]), r"dtype '\|''O8' is no plain one"),
    (np.zeros(1, [('a', 'f4')]), r"dtype '\|''V4' is no plain one"),
    (np.datetime64(0, 's'), r"dtype '<''M8' is no plain one"),
    (np.ndarray, r'numpy\.ndarray by itself'),
    (HistoryBuffer, r'HistoryBuffer by itself'),
    (Calls(np._core.multiarray._reconstruct, np.ndarray, (0, ), b'b'),
     'cannot unpack'),
    (Calls(np._core.multiarray.scalar, 'f8', b'12345678'),
     'str in place of dtype'),
    (Calls(np._core.multiarray.scalar, np.dtype('f8'), b'1234'),
     'buffer is smaller than'),
    (Calls(HistoryBuffer), 'not subscriptable'),
])
def test_what_mmengine_does_not_save_is_refused(tmp_path, content, reason):
    path = tmp_path / 'c.pth'
    torch.save({'x': [content]}, path)
    with pytest.raises(UnpicklingError, match=reason) as caught:
        load_data(path)
    assert str(caught.value).startswith(
        'besides weights it holds what MMEngine does not save (')


def test_what_the_user_allows_stays_allowed_and_is_restored(tmp_path):
    before = torch.serialization.get_safe_globals()
    theirs = [HistoryBuffer, getattr, Calls, (np.dtype, 'numpy.dtype')]
    torch.save([HistoryBuffer([1.], [1]), Calls], tmp_path / 'c.pth')
    with torch.serialization.safe_globals(theirs):
        allowed = torch.serialization.get_safe_globals()
        for _ in range(2):
            buffer, kind = load_data(tmp_path / 'c.pth')
            assert buffer.data[0].tolist() == [1.] and kind is Calls
        with pytest.raises(FileNotFoundError):
            load_data(tmp_path / 'gone.pth')
        with _records_only():
            within = torch.serialization.get_safe_globals()
        # Theirs beside ours, never instead of ours.
        assert Calls in within and not {HistoryBuffer, getattr, theirs[3]
                                        } & set(within)
        assert set(torch.serialization.get_safe_globals()) == set(allowed)
    assert set(torch.serialization.get_safe_globals()) == set(before)
