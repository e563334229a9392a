"""Faults of CUB-200-2011's text files."""
import pytest
from mmengine.config import Config
from others_data import make_cub

from mmconvnextv2.config.data_checks import check_data
from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

pytest.importorskip('mmpretrain')


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Function that checks the recipe's data with a file's lines changed."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data/CUB_200_2011'
    make_cub(root, make_shapes('shapes', num_train=2, num_val=2))
    cfg = Config.fromfile(find_config('convnextv2_t_ft_cub'))

    def checked(name='images', number=0, line=None):
        path = root / f'{name}.txt'
        lines = path.read_text().splitlines()
        if line is not None:
            lines[number] = line
            path.write_text('\n'.join(lines) + '\n')
        faults, notes = check_data(cfg, ('train', 'test'))
        assert notes == []
        return [x.replace('data/CUB_200_2011', 'CUB') for x in faults]

    return checked


def test_sound_files(check):
    assert check() == []


@pytest.mark.parametrize('name, line, fault', [
    ('image_class_labels', '1 0', "a label of 1 to 200, got '1 0'"),
    ('image_class_labels', '1 201', "a label of 1 to 200, got '1 201'"),
    ('image_class_labels', '2 2', "a label of 1 to 200, got '2 3'"),
    ('train_test_split', '1 2', "1 (to train) or 0 (to test), got '1 2'"),
    ('train_test_split', '', "1 (to train) or 0 (to test), got ''"),
    ('images', '1 my bird.jpg', "a path, got '1 my bird.jpg'"),
])
def test_a_line_that_is_read_wrongly_or_not(check, name, line, fault):
    found = check(name, 0, line)
    number = 2 if line == '2 2' else 1  # The second line has the id, too.
    assert found[0] == (
        f'CUB/{name}.txt: line {number}: expected an id of its own and '
        f'{fault}')


def test_other_ids(check):
    assert check('image_class_labels', 0, '77 2') == [
        'CUB/image_class_labels.txt: has other ids than CUB/images.txt: 1, 77']


def test_another_label_than_the_folder(check):
    assert check('image_class_labels', 0, '1 3') == [
        'CUB/image_class_labels.txt: has other labels than the folders: '
        '002.Bird_1/Bird_0001_1.jpg']


def test_missing_images_and_files(check, tmp_path):
    assert check('images', 1, '2 003.Bird_2/other.jpg') == [
        'CUB/images.txt: 1 of its 4 images are not in CUB/images: '
        '003.Bird_2/other.jpg']
    (tmp_path / 'data/CUB_200_2011/train_test_split.txt').unlink()
    assert check() == ['CUB: lacks CUB/train_test_split.txt']
