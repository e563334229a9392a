"""Faults of annotation files by record; what mmdet leaves out."""
import json
from copy import deepcopy

import pytest

from mmconvnextv2.config.data_checks import check_data

GOOD = dict(
    images=[
        dict(id=i, file_name=f'{i}.jpg', width=60, height=40)
        for i in range(3)
    ],
    categories=[dict(id=1, name='cat'), dict(id=2, name='dog')],
    annotations=[
        dict(
            id=10 + i,
            image_id=i,
            category_id=1,
            bbox=[1, 2, 20, 10.5],
            area=200,
            segmentation=[[1, 2, 21, 2, 21, 12]]) for i in range(3)
    ])


@pytest.fixture
def check(tmp_path):
    """Function that checks a changed file; returns faults and notes."""
    (tmp_path / 'images').mkdir()
    for i in range(3):
        (tmp_path / 'images' / f'{i}.jpg').touch()

    def checked(change=lambda x: None, text=None, split='train',
                with_mask=True, classes=('cat', 'dog'), evaluator=None,
                **filter_cfg):
        content = deepcopy(GOOD)
        change(content)
        (tmp_path / 'a.json').write_text(
            json.dumps(content) if text is None else text)
        dataset = dict(
            type='mmdet.CocoDataset',
            data_root=str(tmp_path),
            ann_file='a.json',
            data_prefix=dict(img='images'),
            metainfo=dict(classes=classes),
            filter_cfg=filter_cfg,
            pipeline=[dict(type='LoadAnnotations', with_mask=with_mask)])
        cfg = {
            f'{split}_dataloader': dict(dataset=dataset),
            f'{split}_evaluator': evaluator
        }
        return [[x.replace(str(tmp_path), '.') for x in lines]
                for lines in check_data(cfg, (split, ))]

    return checked


def test_good_file(check):
    assert check() == [[], []]
    assert check(classes=('cat', )) == [[], []]


def first(kind, **values):
    return lambda x: x[kind][0].update(values)


WHOLE = ('no JSON object with images, annotations and categories (is it cut '
         'off?): ')


@pytest.mark.parametrize('text, fault', [
    ('', 'Expecting value: line 1 column 1 (char 0)'),
    ('{"images": [', 'Expecting value: line 1 column 13 (char 12)'),
    ('[]', 'list indices must be integers or slices, not str'),
    ('{"images": {}}', 'images must be a list'),
    ('{"images": []}', "the key 'categories' is missing"),
])
def test_file_of_another_kind(check, text, fault):
    assert check(text=text) == [[f'./a.json: {WHOLE}{fault}'], []]


@pytest.mark.parametrize('change, fault', [
    (lambda x: x['images'].append(5),
     "images[3]: 'int' object is not subscriptable in 5"),
    (lambda x: x['images'].__setitem__(1, dict(id=1, file_name='1.jpg')),
     "images[1]: the key 'width' is missing in {'id': 1, 'file_name': "
     "'1.jpg'}"),
    (lambda x: x['annotations'][1].pop('area'), "annotations[1]: the key "
     "'area' is missing in {'id': 11, 'image_id': 1, 'category_id': 1, "
     "'bbox': [1, 2, 20, 10.5], 'segmentat"),
    (first('images', width=0), 'images[0]: width and height must be positive,'
     " in {'id': 0, 'file_name': '0.jpg', 'width': 0, 'height': 40}"),
    (first('images', id=2), '2 images have the id 2'),
    (first('annotations', id=11), '2 annotations have the id 11'),
    (first('annotations', image_id=9), 'annotations[0]: there is no image '
     'with the id 9 (id 10)'),
    (first('annotations', category_id=9), 'annotations[0]: there is no '
     'category with the id 9 (id 10, 0.jpg)'),
    (first('annotations', bbox=[1, 2, 3]), 'annotations[0]: bbox must be 4 '
     'numbers (x, y, width, height) and area one, got [1, 2, 3] and 200 (id '
     '10, 0.jpg)'),
    (first('annotations', bbox=[1, 2, 3, float('nan')]), 'annotations[0]: '
     'bbox must be 4 numbers (x, y, width, height) and area one, got [1, 2, '
     '3, nan] and 200 (id 10, 0.jpg)'),
    (first('annotations', bbox=[1, 2, 3, '4']), 'annotations[0]: unsupported '
     "operand type(s) for +: 'int' and 'str' in {'id': 10, 'image_id': 0, "
     "'category_id': 1, 'bbox': [1, 2, 3, '4'], 'area': 200,"),
    (first('annotations', segmentation=[1, 2, 3, 4, 5, 6]), 'annotations[0]: '
     'segmentation must be a list of polygons [x1, y1, x2, ...], got [1, 2, '
     '3, 4, 5, 6] (id 10, 0.jpg)'),
    (first('annotations', segmentation=dict(size=[60, 40], counts='x')),
     'annotations[0]: its mask has the size [60, 40], the image [40, 60] '
     '(height, width) (id 10, 0.jpg)'),
    (first('images', file_name='x.jpg'), '1 of its 3 images are not in '
     './images: x.jpg'),
    (first('categories', name='cow'), '1 of the 2 classes are not among its '
     'categories: cat; these are cow, dog. Name them as metainfo='
     'dict(classes=(...)) of the data set, and their number as num_classes '
     'of the heads'),
])
def test_fault_names_the_record(check, change, fault):
    for split in ('train', 'val'):
        assert check(change, split=split) == [[f'./a.json: {fault}'], []]


def test_images_alone_are_enough_to_predict(check):
    assert check(
        lambda x: x.pop('annotations'),
        split='test',
        evaluator=dict(format_only=True)) == [[], []]


LEFT_OUT = ('./a.json: 1 annotations are left out (a box below one pixel or '
            'outside the image, or no area): ids 10')


@pytest.mark.parametrize('values', [
    dict(bbox=[1, 2, 0, 5]), dict(bbox=[1, 2, -3, 5]),
    dict(bbox=[1, 2, 5, 0.5]), dict(bbox=[60, 2, 5, 5]),
    dict(bbox=[1, 40, 5, 5]), dict(bbox=[1, -9, 5, 9]),
    dict(bbox=[-9, 2, 9, 5]), dict(area=0)
])
def test_annotations_that_mmdet_leaves_out(check, values):
    change = first('annotations', **values)
    assert check(change) == [[], [LEFT_OUT]]
    # Evaluation compares with what the file says.
    assert check(change, split='val') == [[], []]


@pytest.mark.parametrize('mask', [None, [], [[1, 2, 3, 4]], [[1] * 7]])
def test_masks_that_are_ignored(check, mask):
    change = first('annotations', segmentation=mask)
    assert check(change) == [[], [
        './a.json: 1 annotations are ignored (a mask without a polygon of 3 '
        'points): ids 10'
    ]]
    assert check(change, with_mask=False) == [[], []]


def test_images_that_are_left_out(check):

    def change(content):
        content['annotations'].pop(0)
        content['images'][1].update(width=31)

    assert check(change, filter_empty_gt=True, min_size=32) == [[], [
        './a.json: 1 images are left out (no object, '
        'filter_cfg.filter_empty_gt): 0.jpg',
        './a.json: 1 images are left out (smaller than filter_cfg.min_size): '
        '1.jpg'
    ]]
