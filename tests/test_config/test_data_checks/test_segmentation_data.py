"""Faults of segmentation data: pairs, sizes, labels."""
import numpy as np
import pytest
from PIL import Image

from mmconvnextv2.config.data_checks import check_data


@pytest.fixture
def check(tmp_path):
    """Function that checks three pairs; returns the faults."""
    for folder, mode, suffix in (('images', 'RGB', 'jpg'), ('maps', 'L',
                                                            'png')):
        (tmp_path / folder / 'sub').mkdir(parents=True)
        for i in range(3):
            Image.new(mode, (6, 4), 1 if mode == 'L' else 0).save(
                tmp_path / folder / 'sub' / f'{i}.{suffix}')

    def checked(num_classes=5, **settings):
        dataset = dict(
            type='mmseg.BaseSegDataset',
            data_root=str(tmp_path),
            data_prefix=dict(img_path='images', seg_map_path='maps'),
            metainfo=dict(classes=[str(i) for i in range(num_classes)]))
        cfg = dict(val_dataloader=dict(dataset=dict(dataset, **settings)))
        faults, notes = check_data(cfg, ('val', ))
        assert notes == []
        return [x.replace(f'{tmp_path}/', '') for x in faults]

    return checked


def test_good_data(check, tmp_path):
    assert check() == check(reduce_zero_label=True) == []
    (tmp_path / 'list.txt').write_text('sub/0\nsub/2\n')
    assert check(ann_file='list.txt') == []
    # A photograph on its side, as OpenCV turns it.
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (4, 6)).save(
        tmp_path / 'images' / 'sub' / '0.jpg', exif=exif)
    assert check() == []


def test_files_that_are_missing(check, tmp_path):
    (tmp_path / 'maps' / 'sub' / '1.png').unlink()
    assert check() == ['maps: 1 of 3 label maps are missing: maps/sub/1.png']
    (tmp_path / 'list.txt').write_text('sub/0\nsub/7\n')
    assert check(ann_file='list.txt') == [
        'images: 1 of 2 images are missing: images/sub/7.jpg',
        'maps: 1 of 2 label maps are missing: maps/sub/7.png'
    ]


@pytest.mark.parametrize('values, fault', [
    (np.zeros((5, 6), np.uint8), 'the label map has 6x5 pixels, its image 6x4'
     ),
    (np.full((4, 6), 5, np.uint8), 'it holds the label 5, while the 5 classes'
     ' have the labels 0 to 4 and 255 is ignored (reduce_zero_label=False)'),
    (np.full((4, 6), 300, np.uint16), 'it holds the label 300, while the 5 '
     'classes have the labels 0 to 4 and 255 is ignored '
     '(reduce_zero_label=False)'),
    (np.zeros((4, 6, 3), np.uint8), 'a label map has one number per pixel, '
     'this one has 3 (is it a picture in colours?)'),
])
def test_label_map_that_does_not_fit(check, tmp_path, values, fault):
    Image.fromarray(values).save(tmp_path / 'maps' / 'sub' / '1.png')
    assert check() == [f'maps/sub/1.png: {fault}']


def test_labels_from_one(check, tmp_path):
    path = tmp_path / 'maps' / 'sub' / '2.png'
    use = dict(num_classes=150, reduce_zero_label=True)
    Image.fromarray(np.full((4, 6), 150, np.uint8)).save(path)
    assert check(**use) == []
    Image.fromarray(np.full((4, 6), 151, np.uint8)).save(path)
    assert check(**use) == [
        'maps/sub/2.png: it holds the label 151, while the 150 classes have '
        'the labels 1 to 150 and 0 and 255 are ignored '
        '(reduce_zero_label=True)'
    ]


def test_damaged_files_are_left_to_the_run(check, tmp_path):
    (tmp_path / 'maps' / 'sub' / '1.png').write_bytes(b'')
    (tmp_path / 'images' / 'sub' / '2.jpg').write_bytes(b'no image')
    assert check() == []
