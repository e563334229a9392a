"""What a data set lacks, and what reading it drops, said before a run."""
import random

import cv2
import numpy as np
import pytest
import tifffile
from mmengine.registry import DATASETS, DefaultScope
from PIL import Image

from mmconvnextv2.datasets.survey import survey
from mmconvnextv2.images import SUFFIXES

NOISE = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
DEEP = NOISE.astype(np.uint16) * 13 + 3
PAGE = ('What reads them: docs/your_data.md of mmconvnextv2, "More than 8 '
        'bits or 3 channels".')


@pytest.fixture
def look(tmp_path):
    """Function that surveys a folder; returns faults and notes."""

    def looked(scope='mmpretrain', training=True, color='color', **settings):
        with DefaultScope.overwrite_default_scope(scope):
            dataset = DATASETS.build(dict(
                data_root=str(tmp_path),
                pipeline=[dict(type='LoadImageFromFile', color_type=color)],
                **settings))
        faults, notes = survey(dataset, training)
        return [[x.replace(f'{tmp_path}/', '') for x in y]
                for y in (faults, notes)]

    return looked


def images(folder, names):
    for name in names.split():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in ('.txt', '.json'):
            path.write_text('no image')
        else:
            kind = dict(jfif='JPEG').get(name.rpartition('.')[2])
            Image.fromarray(NOISE[..., :3]).save(path, kind)


@pytest.mark.parametrize('names, told', [
    ('a/x.jpg b/y.PNG a/._x.webp a/note.txt', []),
    ('a/x.jpg b/y.png b/z.webp b/sub/z.WEBP a/z.tiff a/z.jfif a/z.json',
     ['4 of its 6 images are not read: 2 .webp, 1 .jfif, 1 .tiff']),
])
@pytest.mark.parametrize('with_label', [False, True])
def test_class_folders_and_unlabelled_images(look, tmp_path, names, told,
                                             with_label):
    images(tmp_path / 'train', names)
    use = dict(type='CustomDataset', data_prefix='train',
               with_label=with_label)
    faults, notes = look(**use)
    assert faults == []
    assert [sorted(x.split()) for x in notes] == [
        sorted(f'train: {x}. extensions={SUFFIXES} of the data set reads '
               'them.'.split()) for x in told]
    assert look(**use, extensions=SUFFIXES) == [[], []]


@pytest.fixture
def segmentation(tmp_path, look):
    """Function that surveys 4 pairs, of suffixes as given."""

    def surveyed(*suffixes, maps='maps', **settings):
        images(tmp_path, ' '.join(f'img/{i}{x}'
                                  for i, x in enumerate(suffixes)))
        (tmp_path / maps).mkdir(exist_ok=True)
        for i in range(len(suffixes)):
            Image.fromarray(NOISE[..., 0] % 3).save(
                tmp_path / maps / f'{i}.png')
        return again(maps, **settings)

    def again(maps='maps', **settings):
        return look(**dict(
            dict(scope='mmseg', type='BaseSegDataset', metainfo=dict(
                classes=('a', 'b', 'c')),
                data_prefix=dict(img_path='img', seg_map_path=maps)),
            **settings))

    surveyed.again = again
    return surveyed


def test_suffixes_of_segmentation(segmentation):
    told = ("img: 3 of its 4 images are not read: 1 .JPG, 1 .jpeg, 1 .png. "
            "type='mmconvnextv2.FolderSegDataset' reads all kinds, mmseg's "
            "only img_suffix='.jpg'.")
    faults, (note, ) = segmentation('.jpg', '.JPG', '.jpeg', '.png')
    assert faults == [] and sorted(note) == sorted(told)
    ours = dict(type='mmconvnextv2.FolderSegDataset')
    assert segmentation('.jpg', '.JPG', '.jpeg', '.png', **ours) == [[], []]


def test_label_maps_beside_their_images(segmentation):
    assert segmentation('.jpg', '.jpg', maps='img') == [[], []]


def test_sample_of_label_maps(segmentation, tmp_path, monkeypatch):
    monkeypatch.setattr('mmconvnextv2.datasets.survey._SAMPLE', 2)
    order = random.Random(0).sample(range(6), 6)
    monkeypatch.setattr(Image, 'open', lambda path, real=Image.open: (
        opened.append(path), real(path))[1])
    opened = []
    assert segmentation(*['.jpg'] * 6) == [[], []]
    assert len([x for x in opened if '/maps/' in str(x)]) == 4  # 2, twice each
    # The third class only in the last one that is looked at.
    for i in order[:-1]:
        Image.fromarray(NOISE[..., 0] % 2).save(tmp_path / f'maps/{i}.png')
    assert segmentation.again() == [[], []]
    monkeypatch.setattr('mmconvnextv2.datasets.survey._MOST_PIXELS', 0)
    assert segmentation.again() == [[], [
        'maps: 1 of the 3 classes have no pixel in 2 of the 6 label maps, a '
        'sample: c. They cannot be learnt from these.']]


@pytest.mark.parametrize('pixels, color, told', [
    (NOISE[..., :3], 'color', None),
    (DEEP[..., 0], 'color', '16 bits a value: values of {} to {} are read as '
     '0 to 12 by '),
    (DEEP[..., 0], 'grayscale', '16 bits a value: values of {} to {} are read '
     'as 0 to 12 by '),
    (DEEP[..., 0], 'unchanged', None),
    (DEEP[..., :3], 'color', '16 bits a value: values of {} to {} are read as '
     '0 to 12 by '),
    (NOISE, 'color', '4 channels, not all of which are read: values of {} to '
     '{} are read as 0 to 255 by '),
    (NOISE, 'unchanged', None),
    (np.dstack([NOISE[..., :3], NOISE[..., 3] | 255]), 'color', None),
])
@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_bits_and_channels_that_are_dropped(look, tmp_path, pixels, color,
                                            told, suffix):
    for i in range(3):
        assert cv2.imwrite(str(tmp_path / f'{i}.{suffix}'), pixels)
    faults, notes = look(type='CustomDataset', data_prefix='',
                         with_label=False, color=color)
    assert faults == []
    assert notes == [] if told is None else [
        f'3 of 3 images looked at, such as 0.{suffix}, have ' + told.format(
            pixels.min(), pixels.max()) + f'color_type={color!r}. {PAGE}']


def test_four_bands_of_which_opencv_reads_one(look, tmp_path):
    tifffile.imwrite(tmp_path / 'a.tif', NOISE, photometric='minisblack',
                     planarconfig='contig')
    _, (note, ) = look(type='CustomDataset', data_prefix='', with_label=False,
                       color='unchanged')
    assert '4 channels, not all of which are read' in note
