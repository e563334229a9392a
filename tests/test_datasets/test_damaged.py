"""Cut off JPEGs, and the log of damaged files."""
import io
import json

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from mmconvnextv2.datasets.damaged import (
    DamagedDataError,
    DamageLog,
    is_cut_off,
)


def encoded(kind='JPEG', side=64, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3))
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, kind, **options)
    return file.getvalue()


def with_thumbnail(content):
    """Put a whole JPEG into a segment in front, as cameras do."""
    inner = b'Exif\0\0' + encoded(side=8)
    length = (len(inner) + 2).to_bytes(2, 'big')
    return content[:2] + b'\xff\xe1' + length + inner + content[2:]


WHOLE = {
    'baseline': encoded(),
    'progressive': encoded(progressive=True),
    'with a thumbnail': with_thumbnail(encoded()),
    # As in photographs with a film behind.
    'followed by others': encoded() + b'\0\xff\xda\0' * 9,
    'another kind': encoded('PNG'),
    'empty': b'',
}


@pytest.mark.parametrize('name', WHOLE)
def test_whole_files(name, tmp_path):
    (tmp_path / 'x').write_bytes(WHOLE[name])
    assert not is_cut_off(str(tmp_path / 'x'))


@pytest.mark.parametrize('name',
                         ['baseline', 'progressive', 'with a thumbnail'])
@pytest.mark.parametrize('kept', [0.5, 0.9, 0.99])
def test_cut_off_files(name, kept, tmp_path):
    content = WHOLE[name]
    cut = content[:int(kept * len(content))]
    (tmp_path / 'x').write_bytes(cut)
    assert is_cut_off(str(tmp_path / 'x'))


def test_other_storage_passes_for_whole():
    assert not is_cut_off('s3://bucket/x.jpg')


def test_reason_is_free_of_the_traceback():
    assert DamagedDataError('a.jpg: no').reason == 'a.jpg: no'
    assert DamagedDataError(
        'Caught DamagedDataError in DataLoader worker process 0.\nOriginal '
        'Traceback (most recent call last):\n  File "x.py", line 1\n'
        'mmconvnextv2.datasets.damaged.DamagedDataError: a.jpg: no\n'
    ).reason == 'a.jpg: no'


class Noting(Dataset):
    """Notes file0 for even, file1 for odd samples."""

    def __init__(self, log):
        self.log = log

    def __getitem__(self, index):
        self.log.note(f'file{index % 2}', 'why')
        return index

    def __len__(self):
        return 12


@pytest.mark.parametrize('workers', [0, 2])
def test_log_of_several_epochs(tmp_path, workers):
    log = DamageLog(str(tmp_path / 'log.jsonl'), workers)
    loader = DataLoader(Noting(log), batch_size=3, num_workers=workers)
    assert log.read_new() == {} and log.skips == 0
    list(loader)
    assert log.read_new() == dict(file0='why', file1='why')
    assert log.skips == 12
    lines = (tmp_path / 'log.jsonl').read_text().splitlines()
    list(loader)
    assert log.read_new() == {} and log.skips == 24
    # Workers of the second epoch know what was noted in the first.
    assert (tmp_path / 'log.jsonl').read_text().splitlines() == lines
    assert json.loads(lines[0])['reason'] == 'why'


def test_log_that_is_being_written(tmp_path):
    log = DamageLog(str(tmp_path / 'log.jsonl'), 0)
    log.note('a\nb', 'ä')
    whole = (tmp_path / 'log.jsonl').read_text()
    (tmp_path / 'log.jsonl').write_text(whole + '{"file": "c", "re')
    assert log.read_new() == {'a\nb': 'ä'}
    (tmp_path / 'log.jsonl').write_text(
        whole + '{"file": "c", "reason": "d"}\n')
    assert log.read_new() == dict(c='d')


def test_log_that_cannot_be_written(tmp_path):
    log = DamageLog(str(tmp_path / 'gone' / 'log.jsonl'), 0)
    log.note('a', 'b')
    assert log.skips == 1 and log.read_new() == {}
