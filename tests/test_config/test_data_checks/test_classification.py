"""Faults of class folders and of lists of images."""
import pytest

from mmconvnextv2.config.data_checks import check_data


@pytest.fixture
def check(tmp_path):
    """Function that checks two splits of two classes; returns the faults."""
    for split in ('train', 'val'):
        for name in ('cat', 'dog'):
            (tmp_path / split / name).mkdir(parents=True)

    def checked(outputs=None, **settings):
        cfg = dict(model=dict(head=dict(num_classes=outputs)))
        dataset = dict(type='mmpretrain.CustomDataset',
                       data_root=str(tmp_path), **settings)
        for x in ('train', 'val'):
            cfg[f'{x}_dataloader'] = dict(dataset=dict(dataset, data_prefix=x))
        faults, notes = check_data(cfg, ('train', 'val'))
        assert notes == []
        return [x.replace(f'{tmp_path}/', '') for x in faults]

    return checked


def test_good_folders(check):
    assert check() == check(outputs=2) == check(with_label=False) == []
    # Folders may be called otherwise than classes.
    assert check(metainfo=dict(classes=('Cat', 'Dog'))) == []


@pytest.mark.parametrize('classes', [
    ('dog', 'cat'), ('Dog', 'Cat'), ('emu', 'cat'), ('dog', 'emu')])
def test_folders_in_another_order_than_classes(check, classes):
    assert check(metainfo=dict(classes=classes)) == [
        f'{x}: its class folders are numbered in the order cat, dog, and '
        f'metainfo.classes has {classes[0]}, {classes[1]}'
        for x in ('train', 'val')]


def test_more_folders_than_outputs(check):
    assert check(outputs=1) == [
        f'{x}: has 2 class folders, the head only 1 classes '
        '(model.head.num_classes)' for x in ('train', 'val')
    ]


def test_folders_of_training_and_evaluation(check, tmp_path):
    (tmp_path / 'val' / 'dog').rename(tmp_path / 'val' / 'cow')
    assert check() == [
        'val: its class folders are not those of train, so that the same '
        'label means another class; it lacks dog, and only it has cow'
    ]


@pytest.mark.parametrize('with_label', [False, True])
def test_what_other_systems_leave_in_a_list(check, tmp_path, with_label):
    label = ' 0' * with_label
    (tmp_path / 'list.txt').write_text(
        f'\ufeffa.jpg{label}\n\nb\\c.jpg{label}\n')
    assert check(ann_file='list.txt', with_label=with_label) == [
        'list.txt: begins with a byte order mark, which would be part of the '
        'first name: save it as UTF-8 without one',
        'list.txt: line 2 is blank, and would be a file without a name: '
        'remove it',
        'list.txt: line 3 has a backslash, as Windows separates folders: '
        'write /']


@pytest.mark.parametrize('line, fault', [
    ('a.jpg', 'expected "PATH LABEL", got \'a.jpg\''),
    ('a.jpg cat', 'expected "PATH LABEL", got \'a.jpg cat\''),
    ('a.jpg 2', 'the label must be 0 to 1, is 2 (a.jpg)'),
    ('a.jpg -1', 'the label must be 0 to 1, is -1 (a.jpg)'),
])
def test_line_of_a_list(check, tmp_path, line, fault):
    (tmp_path / 'list.txt').write_text(f'a b.jpg 0\n{line}\nc.jpg 1\n')
    for settings in (dict(outputs=2), dict(metainfo=dict(classes=['a', 'b']))):
        assert check(
            ann_file='list.txt', **settings) == [f'list.txt: line 2: {fault}']
