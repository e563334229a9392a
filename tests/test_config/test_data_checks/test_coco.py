"""Faults of annotation files by file and record; what mmdet leaves out."""
import json
from copy import deepcopy

import pytest

from mmconvnextv2.config.data_checks.coco import check_coco
from mmconvnextv2.config.data_checks.coco_left_out import CocoUse

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
    """Function that checks a changed file; returns problems and notes."""
    for i in range(3):
        (tmp_path / f'{i}.jpg').touch()

    def checked(change=lambda x: None, text=None, **use):
        content = deepcopy(GOOD)
        change(content)
        path = tmp_path / 'a.json'
        path.write_text(json.dumps(content) if text is None else text)
        use = dict(
            dict(
                classes=('cat', 'dog'),
                image_dir=str(tmp_path),
                with_mask=True), **use)
        found = check_coco(str(path), CocoUse(**use))
        return [[x.replace(f'{tmp_path}/', '') for x in lines]
                for lines in (found.problems, found.notes)]

    return checked


def test_good_file(check):
    assert check() == [[], []]
    assert check(classes=('cat', )) == [[], []]


def first(kind, **values):
    return lambda x: x[kind][0].update(values)


@pytest.mark.parametrize('text, problem', [
    ('', 'a.json: the file is empty'),
    ('{"images": [', 'a.json: no valid JSON: Expecting value in line 1, '
     'column 13 (is it cut off?)'),
    ('[]', 'a.json: expected a JSON object with images, annotations and '
     'categories, got a list'),
])
def test_no_json(check, text, problem):
    assert check(text=text) == [[problem], []]


@pytest.mark.parametrize('change, problem', [
    (lambda x: x.pop('images'), "a.json: the key 'images' is missing (it has:"
     ' annotations, categories)'),
    (lambda x: x.pop('annotations'), "a.json: the key 'annotations' is "
     'missing (it has: categories, images)'),
    (lambda x: x.pop('categories'), "a.json: the key 'categories' is missing "
     '(it has: annotations, images)'),
    (lambda x: x.update(images={}), "a.json: 'images' must be a list, is a "
     'dict'),
    (lambda x: x['images'].append(5), 'a.json: images[3] must be an object, '
     'is 5'),
    (lambda x: x['images'][1].pop('width'), "a.json: images[1] (id 1) lacks "
     "'width'"),
    (lambda x: x['annotations'][1].pop('area'), 'a.json: annotations[1] (id '
     "11) lacks 'area'"),
    (first('images', file_name=None), 'a.json: images[0] (id 0): file_name '
     'must be str, is None'),
    (first('images', id=2), 'a.json: 2 images have the id 2'),
    (first('annotations', id=11), 'a.json: 2 annotations have the id 11'),
    (first('annotations', image_id=9), 'a.json: annotations[0] (id 10): there'
     ' is no image with the id 9'),
    (first('annotations', category_id=9), 'a.json: annotations[0] (id 10, '
     '0.jpg): there is no category with the id 9'),
    (first('annotations', bbox=[1, 2, 3]), 'a.json: annotations[0] (id 10, '
     '0.jpg): bbox must be 4 numbers (x, y, width, height), is [1, 2, 3]'),
    (first('annotations', bbox=[1, 2, 3, '4']), 'a.json: annotations[0] (id '
     "10, 0.jpg): bbox must be 4 numbers (x, y, width, height), is [1, 2, 3, "
     "'4']"),
    (first('annotations', bbox=[1, 2, 3, float('nan')]), 'a.json: '
     'annotations[0] (id 10, 0.jpg): bbox must be 4 numbers (x, y, width, '
     'height), is [1, 2, 3, nan]'),
    (first('annotations', segmentation=[1, 2, 3, 4, 5, 6]), 'a.json: '
     'annotations[0] (id 10, 0.jpg): segmentation must be a list of polygons '
     '[x1, y1, x2, ...], is [1, 2, 3, 4, 5, 6]'),
    (first('annotations', segmentation=dict(size=[60, 40], counts='x')),
     'a.json: annotations[0] (id 10, 0.jpg): its mask has the size [60, 40], '
     'the image [40, 60] (height, width)'),
    (first('images', file_name='x.jpg'), 'a.json: 1 of its 3 images are not '
     'in {folder}: x.jpg'),
    (first('categories', name='cow'), 'a.json: 1 of the 2 classes are not '
     'among its categories: cat; these are cow, dog. Name its own as '
     'metainfo=dict(classes=(...)) of the data set, and their number as '
     'num_classes of the heads'),
])
def test_problem_names_file_and_record(check, tmp_path, change, problem):
    expected = problem.format(folder=tmp_path) if 'folder' in problem \
        else problem
    for is_training in (True, False):
        assert check(change, is_training=is_training) == [[expected], []]


def test_images_alone(check):
    found = check(lambda x: x.pop('annotations'), is_training=False,
                  needs_annotations=False)
    assert found == [[], []]


SMALL = 'left out, as their box is narrower or lower than one pixel'
OUTSIDE = 'left out, as their box lies outside of the image'


@pytest.mark.parametrize('values, reason', [
    (dict(bbox=[1, 2, 0, 5]), SMALL),
    (dict(bbox=[1, 2, -3, 5]), SMALL),
    (dict(bbox=[1, 2, 5, 0.5]), SMALL),
    (dict(bbox=[60, 2, 5, 5]), OUTSIDE),
    (dict(bbox=[1, 40, 5, 5]), OUTSIDE),
    (dict(bbox=[1, -9, 5, 9]), OUTSIDE),
    (dict(bbox=[-9, 2, 9, 5]), OUTSIDE),
    (dict(area=0), 'left out, as their area is not positive'),
])
def test_what_mmdet_leaves_out(check, values, reason):
    assert check(first('annotations', **values)) == [[], [
        f'a.json: 1 of its 3 annotations are {reason}: ids 10',
        'a.json: 1 of its 3 images are trained on as background, as no '
        'object is left in them: 0.jpg'
    ]]
    # Evaluation compares with what the file says.
    assert check(
        first('annotations', **values), is_training=False) == [[], []]


@pytest.mark.parametrize('mask', [
    None, [], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, 6, 7]], dict(size=[40, 60])
])
def test_masks_that_are_ignored(check, mask):
    change = first('annotations', segmentation=mask)
    assert check(change) == [[], [
        'a.json: 1 of its 3 annotations are ignored, as their mask has no '
        'polygon of 3 points: ids 10'
    ]]
    assert check(change, with_mask=False) == [[], []]


def test_images_that_are_left_out(check):

    def change(content):
        content['annotations'].pop(0)
        content['images'][1].update(width=31)

    assert check(change, filter_empty_gt=True, min_size=32) == [[], [
        'a.json: 1 of its 3 images are left out, as they have no objects '
        '(filter_cfg.filter_empty_gt): 0.jpg',
        'a.json: 1 of its 3 images are left out, as a side is shorter than '
        'filter_cfg.min_size=32: 1.jpg'
    ]]
    problems, _ = check(change, filter_empty_gt=True, min_size=50)
    assert problems == [
        'a.json: no image is left to train on. 3 of its 3 images are left '
        'out, as a side is shorter than filter_cfg.min_size=50: 0.jpg, '
        '1.jpg, 2.jpg.'
    ]
