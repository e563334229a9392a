import cv2
import numpy as np
import pytest
from PIL import Image

from mmconvnextv2.images import (
    check_image,
    list_images,
    read_centre,
    tile,
    write_image,
)


@pytest.fixture
def folder(tmp_path):
    pixels = np.random.default_rng(0).integers(
        0, 256, (40, 60, 3), dtype=np.uint8)
    (tmp_path / 'sub.png').mkdir()
    (tmp_path / 'none').mkdir()
    for name in ('b.JPG', 'a.png', 'c.bmp', 'sub.png/d.webp'):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('no image')
    return tmp_path


@pytest.mark.parametrize('name, recursive, expected', [
    ('.', False, ['a.png', 'b.JPG', 'c.bmp']),
    ('.', True, ['a.png', 'b.JPG', 'c.bmp', 'sub.png/d.webp']),
    ('notes.txt', False, ['notes.txt']),
])
def test_lists_images_by_name(folder, name, recursive, expected):
    found = list_images(folder / name, recursive)
    assert [x.relative_to(folder).as_posix() for x in found] == expected


@pytest.mark.parametrize('name, message', [
    ('nothing', "^there is no image and no folder called '.*nothing'$"),
    ('none', r"^there is no image in the folder '.*none' \(\.jpg, "),
])
def test_refuses_folders_without_images(folder, name, message):
    with pytest.raises(FileNotFoundError, match=message):
        list_images(folder / name)


@pytest.mark.parametrize('name, message', [
    ('a.png', 'it cannot be read as an image: '),
    ('b.JPG', 'it cannot be read as an image: '),
    ('c.bmp', 'it cannot be read as an image: '),
    ('notes.txt', 'it is not an image, or of an unknown kind$'),
])
def test_refuses_what_is_cut_off_or_no_image(folder, name, message):
    path = folder / name
    if path.suffix != '.txt':
        check_image(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match=f'^{message}'):
        check_image(path)
    with pytest.raises(ValueError, match=f'{name}: {message}'):
        read_centre(path, 10)


@pytest.mark.parametrize('height, width', [(20, 40), (40, 20), (5, 7)])
def test_resized_and_cut_out_of_the_middle(tmp_path, height, width):
    # Each pixel's position, the larger direction in blue.
    position = np.linspace(0, 255, max(height, width)).astype(np.uint8)
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = position if width > height else position[:, None]
    cv2.imwrite(str(tmp_path / 'x.png'), image)
    found = read_centre(tmp_path / 'x.png', 10)
    assert found.shape == (10, 10, 3) and found.dtype == np.uint8
    assert found[..., 0].mean() == pytest.approx(127.5, abs=2)
    assert found[..., 1:].max() == 0


def test_cut_to_multiples(folder):
    # 40 x 60 pixels become 20 x 30.
    assert read_centre(folder / 'a.png', 20, 8).shape == (16, 24, 3)


def test_written_in_rgb_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'new' / 'x.png'
    write_image(path, np.array([[[255, 0, 7]]], np.uint8))
    assert cv2.imread(str(path))[0, 0].tolist() == [7, 0, 255]
    with pytest.raises(cv2.error):
        write_image(path.with_suffix('.no'), np.zeros((2, 2), np.uint8))
    assert list(path.parent.iterdir()) == [path]


def test_tiles_of_several_widths():
    pictures = [np.full((1, width), width, np.uint8) for width in (1, 3, 2)]
    assert tile(pictures, columns=2, gap=1, fill=9).tolist() == [
        [1, 9, 9, 9, 3, 3, 3, 9], [9] * 8, [2, 2] + [9] * 6, [9] * 8]
