"""Faults of class folders and of lists of images."""
import pytest

from mmconvnextv2.config.data_checks.classification import (
    ClassUse,
    check_classes,
    fault_of_splits,
)


@pytest.fixture
def check(tmp_path):
    """Function that checks the folder; returns problems and notes."""
    for name in ('cat', 'dog'):
        (tmp_path / 'train' / name / 'sub').mkdir(parents=True)
        (tmp_path / 'train' / name / 'sub' / 'x.JPEG').touch()

    def checked(**use):
        found = check_classes(
            ClassUse(**dict(dict(folder=str(tmp_path / 'train')), **use)))
        return [[x.replace(f'{tmp_path}/', '') for x in lines]
                for lines in (found.problems, found.notes)]

    return checked


def test_good_folders(check):
    assert check() == [[], []]
    assert check(num_classes=2, num_outputs=2) == [[], []]
    # Folders may be called otherwise than classes.
    assert check(classes=('Cat', 'Dog'), num_classes=2) == [[], []]
    assert check(with_label=False) == [[], []]


def test_classes_that_do_not_match(check):
    assert check(num_classes=3, classes=('cat', 'cow', 'hen')) == [[
        'train: has 2 class folders (cat, dog), while the data set has 3 '
        'classes (missing: cow, hen; not among the classes: dog). Name them '
        'as metainfo=dict(classes=(...)) of the data set, and their number '
        'as num_classes of the head'
    ], []]
    assert check(num_outputs=1) == [[
        'train: has 2 class folders, while the head tells 1 classes apart '
        '(model.head.num_classes)'
    ], []]


def test_empty_class_folder(check, tmp_path):
    (tmp_path / 'train' / 'hen').mkdir()
    (tmp_path / 'train' / 'hen' / '.hidden.jpg').touch()
    text = ('train: 1 class folders hold no images (suffixes: .jpg, .jpeg, '
            '.png, .ppm, .bmp, .pgm, .tif): hen')
    assert check() == [[text], []]
    assert check(is_training=False) == [[], [text]]


def test_no_images(check, tmp_path):
    folder = tmp_path / 'none'
    folder.mkdir()
    assert check(folder=str(folder)) == [['none: holds no class folders'], []]
    assert check(
        folder=str(folder), with_label=False, suffixes=('.jpg', )) == [[
            'none: holds no images (suffixes: .jpg)'
        ], []]


@pytest.mark.parametrize('line, fault', [
    ('', 'it is empty'),
    ('a.jpg', 'expected "PATH LABEL", got \'a.jpg\''),
    ('a.jpg cat', 'expected "PATH LABEL", got \'a.jpg cat\''),
    ('a.jpg 2', 'the label must be 0 to 1, is 2 (a.jpg)'),
    ('a.jpg -1', 'the label must be 0 to 1, is -1 (a.jpg)'),
])
def test_line_of_a_list(check, tmp_path, line, fault):
    path = tmp_path / 'train.txt'
    path.write_text(f'a b.jpg 0\n{line}\nc.jpg 1\n')
    assert check(ann_file=str(path), num_classes=2) == [[
        f'train.txt: line 2: {fault}'
    ], []]


def test_empty_list(check, tmp_path):
    (tmp_path / 'train.txt').touch()
    assert check(ann_file=str(tmp_path / 'train.txt')) == [[
        'train.txt: the file is empty'
    ], []]


def test_folders_of_training_and_evaluation(check, tmp_path):
    train, val = tmp_path / 'train', tmp_path / 'val'
    for name in ('cat', 'dog'):
        (val / name).mkdir(parents=True)
    assert fault_of_splits(str(train), str(val)) is None
    (val / 'dog').rename(val / 'cow')
    assert fault_of_splits(str(train), str(val)) == (
        f'{val}: its class folders are not those of {train}, so that the same '
        f'label means another class: only {train} has dog; only {val} has '
        'cow')
