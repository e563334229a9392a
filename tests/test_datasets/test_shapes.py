"""Writing of the shapes data set: whole, once, and the same every time."""
import hashlib
import json
import subprocess
import sys
from contextlib import nullcontext

import cv2
import pytest

from mmconvnextv2.datasets import make_shapes, shapes

pytest.importorskip('pycocotools')


def _digests(root, pattern='**/*'):
    return {
        path.relative_to(root).as_posix():
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.glob(pattern) if path.is_file()
    }


def test_files_and_metadata(tmp_path):
    root = make_shapes(tmp_path / 'shapes', 6, 5, seed=3)
    assert root == tmp_path / 'shapes'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['shapes']
    for folders, count in (
        ('train2017 ade/images/training ade/annotations/training', 6),
        ('val2017 ade/images/validation ade/annotations/validation', 5),
        ('annotations imagenet/train/circle', 2),
        ('imagenet/train/triangle imagenet/val/star', 1)):
        for folder in folders.split():
            assert len(list((root / folder).iterdir())) == count, folder
    metadata = json.loads((root / 'shapes.json').read_text())
    assert metadata['arguments'] == dict(num_train=6, num_val=5, seed=3)
    assert metadata['num_files'] == 4 * 11 + 2
    # Others may read it: the staging folder is private, the set is not.
    assert root.stat().st_mode & 0o777 == (root / 'train2017').stat(
    ).st_mode & 0o777


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    return make_shapes(tmp_path_factory.mktemp('small') / 'set', 4, 2, seed=1)


def test_other_seeds_and_counts(tmp_path, small):
    """Each image depends on the seed alone, not on how many there are."""
    again = make_shapes(tmp_path / 'again', 5, 3, seed=1)
    images = _digests(small, '**/*.*g')
    assert len(images) == 4 * 6
    assert images.items() <= _digests(again, '**/*.*g').items()
    other = make_shapes(tmp_path / 'other', 4, 2, seed=2)
    assert not set(_digests(small, '**/*.jpg').values()) & set(
        _digests(other, '**/*.jpg').values())


def test_version_4_is_what_it_was(small):
    """Another content needs another version, for sets that are there."""
    digest = _digests(small)['annotations/instances_train2017.json']
    assert digest.startswith('62beccd2fe5dbc0f')
    pytest.importorskip('skimage')
    pytest.importorskip('sklearn')
    means = {
        path.stem: cv2.imread(str(path), cv2.IMREAD_UNCHANGED).mean()
        for path in small.rglob('*0000[0-9].*g')
    }
    expected = dict(
        ADE_train_00000001=5.362, ADE_val_00000002=5.508,
        circle_000001=110.448, star_000004=45.582)
    expected['000000000003'], expected['000000500001'] = 82.442, 106.079
    # Decoders of JPEG may differ by a grey level.
    for name, mean in expected.items():
        assert means[name] == pytest.approx(mean, abs=0.3), name


def test_second_call_writes_nothing(small):
    before = {x: x.stat().st_mtime_ns for x in small.rglob('*')}
    assert make_shapes(str(small), 4, 2, seed=1) == small
    assert {x: x.stat().st_mtime_ns for x in small.rglob('*')} == before


def test_other_arguments_are_refused_unless_overwritten(tmp_path):
    root = make_shapes(tmp_path / 'shapes', 2, 1)
    before = _digests(root)
    message = (r"made with {'num_train': 2, 'num_val': 1, 'seed': 0}, not of "
               r"version 4 with {'num_train': 2, 'num_val': 1, 'seed': 7}: "
               r'pass overwrite=True or another folder')
    with pytest.raises(FileExistsError, match=message):
        make_shapes(root, 2, 1, seed=7)
    assert _digests(root) == before
    make_shapes(root, 2, 1, seed=7, overwrite=True)
    fresh = make_shapes(tmp_path / 'fresh', 2, 1, seed=7)
    assert _digests(root) == _digests(fresh)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_foreign_folder_stays(tmp_path, overwrite):
    file = tmp_path / 'mine' / 'thesis.txt'
    file.parent.mkdir()
    file.write_text('years of work')
    for root in (file.parent, file):
        with pytest.raises(
                FileExistsError,
                match='is not a shapes data set .* remove this one yourself'):
            make_shapes(root, 2, 1, overwrite=overwrite)
    assert file.read_text() == 'years of work'
    assert len(list(tmp_path.rglob('*'))) == 2


def test_a_damaged_set_is_refused(tmp_path):
    root = make_shapes(tmp_path / 'shapes', 2, 1)
    before = _digests(root)
    next((root / 'val2017').iterdir()).unlink()
    with pytest.raises(
            FileExistsError, match='damaged .* 13 files where 14 were'):
        make_shapes(root, 2, 1)
    assert _digests(make_shapes(root, 2, 1, overwrite=True)) == before


def test_an_empty_folder_and_a_link_to_one_are_filled(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'disk')
    assert make_shapes(tmp_path / 'link', 2, 1) == tmp_path / 'link'
    assert (tmp_path / 'link').is_symlink()
    assert (tmp_path / 'disk' / 'shapes.json').is_file()


@pytest.mark.parametrize('arguments', [
    dict(num_train=0), dict(num_val=-1), dict(num_train=500001),
    dict(seed=-1)
])
def test_bad_numbers(tmp_path, arguments):
    with pytest.raises(ValueError, match='must be 1 to 500000 and seed at'):
        make_shapes(tmp_path / 'shapes', **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('overwrite', [False, True])
def test_interrupted_writing(tmp_path, monkeypatch, overwrite):
    root = tmp_path / 'shapes'
    if overwrite:
        make_shapes(root, 2, 1)
    before = _digests(tmp_path)
    calls = []
    draw = shapes.write_split.__globals__['draw']

    def stop_at_third(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt('stopped')
        return draw(*args)

    monkeypatch.setitem(shapes.write_split.__globals__, 'draw', stop_at_third)
    with pytest.raises(KeyboardInterrupt, match='stopped'):
        make_shapes(root, 4, 2, overwrite=overwrite)
    assert len(calls) == 3
    assert _digests(tmp_path) == before
    assert len(list(tmp_path.iterdir())) == overwrite


@pytest.mark.parametrize('seed', [0, 1])
def test_the_slower_process_takes_the_faster_ones_set(tmp_path, monkeypatch,
                                                      seed):
    write = shapes._write

    def overtaken(root, arguments, progress):
        write(root, arguments, progress)
        monkeypatch.setattr(shapes, '_write', write)
        make_shapes(tmp_path / 'shapes', 2, 1, seed=seed)
        (tmp_path / 'shapes' / 'first').touch()

    monkeypatch.setattr(shapes, '_write', overtaken)
    with nullcontext() if seed == 0 else pytest.raises(
            FileExistsError, match="'seed': 1}, not of"):
        make_shapes(tmp_path / 'shapes', 2, 1)
    assert (tmp_path / 'shapes' / 'first').exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_two_processes_at_once(tmp_path, small):
    command = [
        sys.executable, '-c', 'from mmconvnextv2.datasets import make_shapes; '
        'make_shapes("data/shapes", 4, 2, seed=1)'
    ]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert [p.name for p in (tmp_path / 'data').iterdir()] == ['shapes']
    assert _digests(tmp_path / 'data' / 'shapes') == _digests(small)
