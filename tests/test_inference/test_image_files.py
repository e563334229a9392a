"""Of mmconvnextv2/apis/images.py: finding images, refusing damaged ones."""
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmconvnextv2.inference.images import (
    check_image,
    distinct_names,
    find_images,
)


@pytest.fixture
def folder(tmp_path):
    pixels = np.random.default_rng(0).integers(
        0, 256, (40, 60, 3), dtype=np.uint8)
    for name in ('b.JPG', 'a.png', 'c.bmp'):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('no image')
    (tmp_path / 'folder.png').mkdir()
    return tmp_path


def test_finds_images_of_a_folder_by_name(folder):
    assert [x.name for x in find_images(folder)] == ['a.png', 'b.JPG', 'c.bmp']
    assert find_images(folder / 'notes.txt') == [folder / 'notes.txt']


def test_says_what_is_not_there(folder):
    with pytest.raises(FileNotFoundError, match='no image and no folder'):
        find_images(folder / 'nothing')
    with pytest.raises(FileNotFoundError, match='no image in the folder'):
        find_images(folder / 'folder.png')


@pytest.mark.parametrize('name', ['a.png', 'b.JPG', 'c.bmp'])
def test_refuses_what_is_cut_off(folder, name):
    path = folder / name
    check_image(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match='cannot be read as an image'):
        check_image(path)


def test_refuses_what_is_no_image(folder):
    with pytest.raises(ValueError, match='not an image, or of an unknown'):
        check_image(folder / 'notes.txt')


def test_names_tell_files_apart():
    paths = [Path(x) for x in ('a.png', 'b.png', 'B.jpg')]
    assert distinct_names(paths) == {
        paths[0]: 'a', paths[1]: 'b.png', paths[2]: 'B.jpg'
    }
