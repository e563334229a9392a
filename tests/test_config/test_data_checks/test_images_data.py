"""What a data set passes over, and what reading its images drops."""
import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from mmconvnextv2.config.data_checks import check_data
from mmconvnextv2.images import SUFFIXES

NOISE = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
DEEP = NOISE.astype(np.uint16) * 13 + 3
PAGE = ('What reads them: docs/your_data.md of mmconvnextv2, "More than 8 '
        'bits or 3 channels".')


@pytest.fixture
def look(tmp_path):
    """Function that checks a folder of images; returns faults and notes."""

    def looked(color='color', kind='mmpretrain.CustomDataset',
               with_label=False, **settings):
        found = check_data(dict(train_dataloader=dict(dataset=dict(
            type=kind, with_label=with_label, data_root=str(tmp_path),
            pipeline=[dict(type='LoadImageFromFile', color_type=color)],
            **settings))), ('train', ))
        return [[x.replace(f'{tmp_path}/', '') for x in y] for y in found]

    return looked


@pytest.mark.parametrize('names, told', [
    ('a/x.jpg b/y.PNG a/._x.webp a/note.txt', []),
    ('a/x.jpg b/y.png b/z.webp b/sub/z.WEBP a/z.tiff a/z.jfif a/z.json',
     ['train: 4 of its 6 images are not read: 1 .WEBP, 1 .jfif, 1 .tiff, '
      f'1 .webp. extensions={SUFFIXES} of the data set reads them.']),
])
@pytest.mark.parametrize('with_label', [False, True])
def test_class_folders_and_unlabelled_images(look, tmp_path, names, told,
                                             with_label):
    for path in (tmp_path / 'train' / x for x in names.split()):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 4)).save(path, dict(
            jfif='JPEG', txt='PNG', json='PNG').get(path.suffix[1:]))
    use = dict(data_prefix='train', with_label=with_label)
    assert look(**use) == [[], told]
    assert look(**use, extensions=SUFFIXES) == [[], []]


_BITS, _FOUR = '16 bits a value', '4 channels, not all of which are read'


@pytest.mark.parametrize('pixels, color, told, high', [
    (NOISE[..., :3], 'color', '', ()),
    (DEEP[..., 0], 'color', _BITS, (12, 12)),
    (DEEP[..., 0], 'grayscale', _BITS, (12, 12)),
    (DEEP[..., 0], 'unchanged', '', ()),
    (DEEP[..., :3], 'color', _BITS, (12, 13)),  # OpenCV rounds in TIFF
    (NOISE, 'color', _FOUR, (254, 254)),
    (NOISE, 'unchanged', '', ()),
    (np.dstack([NOISE[..., :3], NOISE[..., 3] | 255]), 'color', '', ()),
])
@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_bits_and_channels_that_are_dropped(look, tmp_path, pixels, color,
                                            told, high, suffix):
    for i in range(3):
        assert cv2.imwrite(str(tmp_path / f'{i}.{suffix}'), pixels)
    (tmp_path / 'list').write_text(f'0.{suffix} 0\n2.{suffix} 0\nno.png 0\n')
    for count, use in ((3, {}), (2, dict(with_label=True, ann_file='list'))):
        line = told and (
            f'{count} of 3 images looked at, such as 0.{suffix}, have {told}: '
            f'values of {pixels.min()} to {pixels.max()} are read as 0 to '
            f'{high[suffix == "tif"]} by color_type={color!r}. {PAGE}')
        assert look(color, **use) == [[], [line] * bool(told)]


def test_four_bands_of_which_opencv_reads_one(look, tmp_path):
    tifffile.imwrite(tmp_path / 'a.tif', NOISE, photometric='minisblack',
                     planarconfig='contig')
    _, (note, ) = look('unchanged')
    assert '4 channels, not all of which are read' in note
