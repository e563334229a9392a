"""Writing of the shapes data set: whole, once, and the same every time."""
import hashlib
import json

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
    counts = {
        'train2017': 6,
        'val2017': 5,
        'ade/images/training': 6,
        'ade/images/validation': 5,
        'ade/annotations/training': 6,
        'ade/annotations/validation': 5,
        'annotations': 2,
        'imagenet/train/circle': 2,
        'imagenet/train/triangle': 1,
        'imagenet/val/star': 1,
    }
    for folder, count in counts.items():
        assert len(list((root / folder).iterdir())) == count, folder
    metadata = json.loads((root / 'shapes.json').read_text())
    assert metadata['arguments'] == dict(num_train=6, num_val=5, seed=3)
    assert metadata['num_files'] == 4 * 11 + 2
    # Others may read it: the staging folder is private, the set is not.
    assert root.stat().st_mode & 0o777 == (root / 'train2017').stat(
    ).st_mode & 0o777


def test_same_arguments_same_bytes(tmp_path):
    first = make_shapes(tmp_path / 'first', 4, 2, seed=1)
    second = make_shapes(tmp_path / 'second', 4, 2, seed=1)
    assert _digests(first) == _digests(second)
    other = make_shapes(tmp_path / 'other', 4, 2, seed=2)
    assert not set(_digests(first, '**/*.jpg').values()) & set(
        _digests(other, '**/*.jpg').values())


def test_images_do_not_depend_on_the_counts(tmp_path):
    small = _digests(make_shapes(tmp_path / 'small', 2, 1), '**/*.*g')
    large = _digests(make_shapes(tmp_path / 'large', 5, 3), '**/*.*g')
    assert len(small) == 4 * 3
    assert small.items() <= large.items()


def test_second_call_writes_nothing(tmp_path, monkeypatch):
    root = make_shapes(tmp_path / 'shapes', 2, 1)

    def fail(*args):
        raise AssertionError('written twice')

    monkeypatch.setattr(shapes, 'write_split', fail)
    assert make_shapes(tmp_path / 'shapes', 2, 1) == root
    assert make_shapes(str(root), 2, 1) == root


def test_other_arguments_are_refused_unless_overwritten(tmp_path):
    root = make_shapes(tmp_path / 'shapes', 2, 1)
    before = _digests(root)
    message = (r"made with {'num_train': 2, 'num_val': 1, 'seed': 0}, not of "
               r"version 4 with {'num_train': 2, 'num_val': 1, 'seed': 7}: "
               r'pass overwrite=True \(--overwrite\) or another folder')
    with pytest.raises(FileExistsError, match=message):
        make_shapes(root, 2, 1, seed=7)
    assert _digests(root) == before
    make_shapes(root, 2, 1, seed=7, overwrite=True)
    fresh = make_shapes(tmp_path / 'fresh', 2, 1, seed=7)
    assert _digests(root) == _digests(fresh)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_foreign_folder_stays(tmp_path, overwrite):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.txt').write_text('years of work')
    with pytest.raises(FileExistsError, match='is not a shapes data set'):
        make_shapes(tmp_path / 'mine', 2, 1, overwrite=overwrite)
    with pytest.raises(FileExistsError, match='remove this one yourself'):
        make_shapes(
            tmp_path / 'mine' / 'thesis.txt', 2, 1, overwrite=overwrite)
    assert (tmp_path / 'mine' / 'thesis.txt').read_text() == 'years of work'
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
    dict(num_train=0),
    dict(num_val=0),
    dict(num_val=-1),
    dict(num_train=500001),
    dict(seed=-1),
])
def test_bad_numbers(tmp_path, arguments):
    with pytest.raises(ValueError, match='must be 1 to 500000 and seed at'):
        make_shapes(tmp_path / 'shapes', **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError])
def test_interrupted_writing_leaves_nothing(tmp_path, monkeypatch, error):
    calls = []
    draw_scene = shapes.write_split.__globals__['draw_scene']

    def stop_at_third(*args):
        calls.append(args)
        if len(calls) == 3:
            raise error('stopped')
        return draw_scene(*args)

    monkeypatch.setitem(shapes.write_split.__globals__, 'draw_scene',
                        stop_at_third)
    with pytest.raises(error, match='stopped'):
        make_shapes(tmp_path / 'shapes', 4, 2)
    assert len(calls) == 3
    assert list(tmp_path.iterdir()) == []


def test_interrupted_overwriting_keeps_the_old_set(tmp_path, monkeypatch):
    root = make_shapes(tmp_path / 'shapes', 2, 1)
    before = _digests(root)

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shapes, 'write_split', stop)
        with pytest.raises(KeyboardInterrupt):
            make_shapes(root, 2, 1, seed=5, overwrite=True)
    assert _digests(root) == before
    assert len(list(tmp_path.iterdir())) == 1


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
    if seed == 0:
        make_shapes(tmp_path / 'shapes', 2, 1)
    else:
        with pytest.raises(FileExistsError, match="'seed': 1}, not of"):
            make_shapes(tmp_path / 'shapes', 2, 1)
    assert (tmp_path / 'shapes' / 'first').exists()
    assert len(list(tmp_path.iterdir())) == 1
