"""Faults of segmentation data: pairs, sizes, labels; what is passed over."""
import random

import numpy as np
import pytest
from PIL import Image

from mmconvnextv2.config.data_checks import check_data, segmentation


@pytest.fixture
def check(tmp_path):
    """Function that checks three pairs; returns the faults, or the notes."""
    for folder, mode, suffix in (('images', 'RGB', 'jpg'), ('maps', 'L',
                                                            'png')):
        (tmp_path / folder / 'sub').mkdir(parents=True)
        for i in range(3):
            image = Image.new(mode, (6, 4))
            if mode == 'L':  # 6 pixels each of the labels 1 to 4
                image.putdata([1 + x % 4 for x in range(24)])
            image.save(tmp_path / folder / 'sub' / f'{i}.{suffix}')

    def checked(num_classes=5, model=None, split='val', notes=None,
                kind='mmseg.BaseSegDataset', **settings):
        dataset = dict(
            type=kind,
            data_root=str(tmp_path),
            data_prefix=dict(img_path='images', seg_map_path='maps'),
            metainfo=dict(classes=[str(i) for i in range(num_classes)]))
        cfg = dict(
            model=model,
            **{f'{split}_dataloader': dict(dataset=dict(dataset, **settings))})
        found = [[x.replace(f'{tmp_path}/', '') for x in y]
                 for y in check_data(cfg, (split, ))]
        assert notes is None or found[1] == notes
        return found[0]

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
     ' have the labels 0 to 4 and 255 is ignored (reduce_zero_label=False). '
     'Labels that begin with 1 need reduce_zero_label=True of the data set'),
    (np.arange(24, dtype=np.uint8).reshape(4, 6), 'it holds the label 23, '
     'while the 5 classes have the labels 0 to 4 and 255 is ignored '
     '(reduce_zero_label=False)'),
    (np.full((4, 6), 300, np.uint16), 'it holds the label 300; mmseg keeps 8 '
     'bits of a label, so that this one would be 44'),
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


def test_faults_of_one_kind_are_one(check, tmp_path):
    for i in range(3):
        Image.new('L', (6, 4), 7).save(tmp_path / f'maps/sub/{i}.png')
    fault, = check()
    assert fault.endswith('(reduce_zero_label=False) (so have 2 more of the 3 '
                          'label maps)')


def test_jpeg(check, tmp_path):
    # By its content, whatever its name.
    Image.new('L', (6, 4)).save(tmp_path / 'maps' / 'sub' / '1.png', 'JPEG')
    assert check() == [
        'maps/sub/1.png: it is a JPEG, whose compression mixes the labels of '
        'neighbours: write label maps as PNG, from their source']


@pytest.mark.parametrize('outputs, told', [(5, 0), (4, 1), (150, 1)])
def test_outputs_of_the_heads(check, outputs, told):
    model = dict(decode_head=dict(num_classes=5),
                 auxiliary_head=[dict(num_classes=outputs)])
    assert check(model=model) == told * [
        f'model.auxiliary_head[0].num_classes is {outputs}, val_dataloader '
        'has 5 classes: 0, 1, 2, 3, 4']


def test_reduced_in_the_pipeline_only(check):
    step = dict(type='LoadAnnotations', reduce_zero_label=True)
    assert check(pipeline=[step]) == [
        'val_dataloader: LoadAnnotations has reduce_zero_label=True, the data '
        'set False. Set it on the data set only']
    assert check(pipeline=[step], reduce_zero_label=True) == []


def test_what_is_passed_over(check, tmp_path):
    for name in ('3.png', '4.JPG', '5.jpeg', '6.png'):
        Image.new('RGB', (6, 4)).save(tmp_path / 'images' / 'sub' / name)
        Image.new('L', (6, 4), 3).save(
            tmp_path / 'maps' / 'sub' / f'{name[0]}.png')
    told = [
        'images: 4 of its 7 images are not read: 2 .png, 1 .JPG, 1 .jpeg. '
        "type='mmconvnextv2.FolderSegDataset' reads all kinds, mmseg's only "
        "img_suffix='.jpg'."]
    assert check(reduce_zero_label=True, num_classes=4, notes=told) == []
    assert check(num_classes=3, notes=told)[0].startswith('maps/sub/')
    ours = dict(kind='mmconvnextv2.FolderSegDataset', reduce_zero_label=True,
                num_classes=4)
    assert check(notes=[], **ours) == []
    (tmp_path / 'list.txt').write_text('sub/0\nsub/1\n')
    assert check(ann_file='list.txt', notes=[
        'maps: 1 of the 5 classes have no pixel in the 2 label maps: 0. mIoU '
        'leaves them out.']) == []


def test_label_maps_beside_their_images(check, tmp_path):
    for i in range(3):
        (tmp_path / f'maps/sub/{i}.png').rename(
            tmp_path / f'images/sub/{i}.png')
    assert check(data_prefix=dict(img_path='images', seg_map_path='images'),
                 reduce_zero_label=True, num_classes=4, notes=[]) == []


def test_bits_that_are_dropped(check, tmp_path):
    Image.fromarray(np.full((4, 6), 4095, np.uint16)).save(
        tmp_path / 'images' / 'sub' / '1.jpg', 'PNG')
    use = dict(pipeline=[dict(type='LoadImageFromFile')], num_classes=4,
               reduce_zero_label=True)
    assert check(**use, notes=[
        '1 of 3 images looked at, such as images/sub/1.jpg, have 16 bits a '
        'value: values of 4095 to 4095 are read as 15 to 15 by color_type='
        "'color'. What reads them: docs/your_data.md of mmconvnextv2, \"More "
        'than 8 bits or 3 channels".']) == []


TURNED = ('images: {} of 3 images that were opened are mirrored or turned by '
          'Exif, which keeps their size: images/sub/{}. They are read as Exif '
          'says. If the label maps are for the pixels as stored: color_type='
          "'color_ignore_orientation' of LoadImageFromFile")


@pytest.mark.parametrize('turn, size, color, is_told', [
    (3, (6, 4), 'color', True), (2, (6, 4), 'grayscale', True),
    (4, (6, 4), 'color_ignore_orientation', False),
    (3, (6, 4), 'unchanged', False), (6, (4, 4), 'color', True),
    (6, (4, 6), 'color', False), (6, (6, 4), 'unchanged', False)])
def test_images_that_exif_turns(check, tmp_path, turn, size, color, is_told):
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new('RGB', size).save(tmp_path / 'images/sub/1.jpg', exif=exif)
    if size == (4, 4):
        Image.fromarray(np.full((4, 4), 2, np.uint8)).save(
            tmp_path / 'maps/sub/1.png')
    assert check(
        reduce_zero_label=True, num_classes=4,
        notes=[TURNED.format(1, '1.jpg')] * is_told, pipeline=[
            dict(type='LoadImageFromFile', color_type=color)]) == []


def test_sample_of_label_maps(check, tmp_path, monkeypatch):
    monkeypatch.setattr(segmentation, '_SAMPLE', 2)
    use = dict(reduce_zero_label=True, split='train')
    last = random.Random(0).sample(range(3), 3)[-1]
    Image.new('L', (6, 4), 5).save(tmp_path / f'maps/sub/{last}.png')
    # Two of them show four classes, and not the fifth.
    assert check(num_classes=4, **use) == []
    assert check(num_classes=5, notes=[], **use) == []
    monkeypatch.setattr(segmentation, '_MOST_PIXELS', 0)
    assert check(num_classes=5, notes=[
        'maps: 1 of the 5 classes have no pixel in 2 of the 3 label maps, a '
        'sample: 4. They cannot be learnt from these.'], **use) == []


def test_masks_end_a_run(check, tmp_path):
    for i in range(3):
        Image.new('L', (6, 4), 255).save(tmp_path / f'maps/sub/{i}.png')
    assert check(notes=[]) == [
        'maps: all pixels of the 3 label maps are ignored.']


@pytest.mark.parametrize('text, faults', [
    ('sub/0\n\nsub/1\n\n', ['line 2, 4 is blank, and would be a file without '
                            'a name: remove it']),
    ('sub/0\nsub\\1\n', ['line 2 has a backslash, as Windows separates '
                         'folders: write /']),
    ('\ufeffsub/0\n', ['begins with a byte order mark, which would be part of '
                       'the first name: save it as UTF-8 without one']),
    ('sub/0\r\nsub/1', []),
])
def test_lists_of_other_systems(check, tmp_path, text, faults):
    (tmp_path / 'list.txt').write_bytes(text.encode())
    assert [x for x in check(ann_file='list.txt') if 'missing' not in x] == [
        f'list.txt: {x}' for x in faults]


def test_damaged_files_are_left_to_the_run(check, tmp_path):
    (tmp_path / 'maps' / 'sub' / '1.png').write_bytes(b'')
    (tmp_path / 'images' / 'sub' / '2.jpg').write_bytes(b'no image')
    assert check() == []
