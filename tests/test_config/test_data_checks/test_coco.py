"""Faults of annotation files by record; what mmdet leaves out."""
import json
from copy import deepcopy

import pytest
from PIL import Image

from mmconvnextv2.config.data_checks import check_data, coco

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
            category_id=1 + (i == 2),
            bbox=[1, 2, 20, 10.5],
            area=200,
            segmentation=[[1, 2, 21, 2, 21, 12]]) for i in range(3)
    ])
OURS = dict(type='mmconvnextv2.CocoByNameMetric', metric=['bbox', 'segm'])


@pytest.fixture
def check(tmp_path):
    """Function that checks a changed file; returns faults and notes."""
    (tmp_path / 'images').mkdir()
    for i in range(3):
        (tmp_path / 'images' / f'{i}.jpg').touch()

    def checked(change=lambda x: None, text=None, split='train',
                with_mask=True, classes=('cat', 'dog'), evaluator=None,
                kind='CocoByNameDataset', model=None, load=None,
                **filter_cfg):
        content = deepcopy(GOOD)
        change(content)
        (tmp_path / 'a.json').write_text(
            json.dumps(content) if text is None else text)
        dataset = dict(
            type=kind if '.' in kind else f'mmconvnextv2.{kind}',
            data_root=str(tmp_path),
            ann_file='a.json',
            data_prefix=dict(img='images'),
            metainfo=dict(classes=classes),
            filter_cfg=filter_cfg,
            pipeline=[dict(type='LoadImageFromFile', **(load or {})),
                      dict(type='LoadAnnotations', with_mask=with_mask)])
        cfg = {
            'model': model or {},
            f'{split}_dataloader': dict(dataset=dataset),
            f'{split}_evaluator': evaluator
        }
        return [[x.replace(str(tmp_path), '.') for x in lines]
                for lines in check_data(cfg, (split, ))]

    return checked


def test_good_file(check):
    assert check() == check(split='val', evaluator=OURS) == [[], []]
    assert check(classes=('cat', )) == [[], []]


def first(kind, **values):
    return lambda x: x[kind][0].update(values)


def each(**values):
    return lambda x: [a.update(values) for a in x['annotations']]


WHOLE = ('no JSON object with images, annotations and categories (is it cut '
         'off?): ')


@pytest.mark.parametrize('text, fault', [
    ('', 'Expecting value: line 1 column 1 (char 0)'),
    ('{"images": [', 'Expecting value: line 1 column 13 (char 12)'),
    ('[]', 'list indices must be integers or slices, not str'),
    ('{"images": {}}', 'images must be a list'),
    ('{"images": []}', "the key 'categories' is missing"),
    ('\ufeff{}', 'Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 '
     'column 1 (char 0)'),
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
    (first('images', width=float('inf')), 'images[0]: width and height must '
     "be positive, in {'id': 0, 'file_name': '0.jpg', 'width': inf, 'height':"
     ' 40}'),
    (first('annotations', iscrowd='no'), 'annotations[0]: iscrowd must be 0 '
     "or 1, got 'no' (id 10, 0.jpg)"),
    (first('annotations', segmentation=[[1, 2, 21, 2, 21, float('nan')]]),
     'annotations[0]: a coordinate of its mask is not finite (id 10, 0.jpg)'),
    (first('annotations', segmentation=[[1, 2, 21, 2, 130, 12]]),
     'annotations[0]: its mask reaches from 1, 2 to 130, 12, far outside the '
     'image of 60x40 pixels (id 10, 0.jpg)'),
    (first('annotations', segmentation=[[1, 2, 21, -41, 21, 12]]),
     'annotations[0]: its mask reaches from 1, -41 to 21, 12, far outside the '
     'image of 60x40 pixels (id 10, 0.jpg)'),
    (first('annotations', segmentation=[[1, 2, '21', 2, 21, 12]]),
     "annotations[0]: unsupported operand type(s) for +: 'int' and 'str' in "
     "{'id': 10, 'image_id': 0, 'category_id': 1, 'bbox': [1, 2, 20, 10.5], "
     "'area': 20"),
    (first('annotations', segmentation=dict(size=[40, 60], counts=[5, 9])),
     'annotations[0]: counts of its mask must be text, or integers that add '
     'up to the 2400 pixels of the image, got [5, 9] (id 10, 0.jpg)'),
    (first('annotations', segmentation=dict(size=[40, 60], counts='a b')),
     'annotations[0]: counts of its mask must be text, or integers that add '
     "up to the 2400 pixels of the image, got 'a b' (id 10, 0.jpg)"),
    (lambda x: x['categories'][0].pop('name'), "categories[0]: the key 'name'"
     " is missing in {'id': 1}"),
    (first('categories', name='dog'), 'several categories have the name dog '
     '(ids 1, 2): give each another name, or merge them'),
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
    (first('images', file_name='a\\0.jpg'), '1 of its 3 images are not in '
     './images: a\\0.jpg. Windows separates folders by a backslash: write /'),
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
        evaluator=dict(OURS, format_only=True)) == [[], []]


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


NO_MASK = 'have no mask of a polygon of 3 points or more'


@pytest.mark.parametrize('mask', [None, [], [[1, 2, 3, 4]], [[1] * 7]])
def test_masks_that_are_ignored(check, mask):
    change = first('annotations', segmentation=mask)
    line = f'./a.json: 1 annotations {NO_MASK}: ids 10'
    assert check(change) == [[], [line]]
    assert check(change, with_mask=False) == [[], []]
    faults, notes = check(change, split='val', evaluator=OURS)
    assert notes == [] and faults == ([line] if not mask else [
        './a.json: annotations[0]: a polygon must be x and y of 3 points or '
        f'more, got {mask[0]} (id 10, 0.jpg)'])


def test_masks_that_are_whole(check):
    for counts in ([9, 2391], '0PZ1'):
        change = each(segmentation=dict(size=[40, 60], counts=counts))
        assert check(change) == [[], []]


def test_images_that_are_left_out(check):

    def change(content):
        content['annotations'].pop(0)
        content['images'][1].update(width=31)

    assert check(change, filter_empty_gt=True, min_size=32) == [[], [
        './a.json: no object can be trained on of 1 of the 2 classes: cat',
        './a.json: 1 images are left out (smaller than filter_cfg.min_size): '
        '1.jpg',
        './a.json: 1 images are left out (no object, '
        'filter_cfg.filter_empty_gt): 0.jpg'
    ]]


def nothing(reason, split='train', more=''):
    aim = 'be trained on' if split == 'train' else 'count in an evaluation'
    return (f'./a.json: none of its 3 annotations of the classes can {aim}: '
            f'3 {reason}.{more}')


@pytest.mark.parametrize('split', ['train', 'val'])
def test_nothing_to_learn_from(check, split):
    use = dict(split=split, evaluator=OURS)
    assert check(each(iscrowd=1), **use) == [
        [nothing('are crowds (iscrowd 1)', split, ' Set iscrowd to 0: '
                 'exporters write 1 for objects of several parts, COCO for '
                 'groups that nobody took apart.')], []]
    assert check(each(segmentation=[]), **use) == [[nothing(
        NO_MASK, split, ' To train on boxes alone: with_mask=False in the '
        "pipelines, model.roi_head.mask_head=None, metric='bbox' of the "
        'evaluators.')], []]
    faults, _ = check(lambda x: x['annotations'].clear(), **use)
    assert faults == [nothing('', split).replace('3', '0').replace(
        '0 .', 'nothing.')]
    # One class of two; a crowd among others.
    aim = 'be trained on' if split == 'train' else 'count in an evaluation'
    assert check(lambda x: x['annotations'][2].update(iscrowd=1), **use) == [
        [], ['./a.json: 1 annotations are crowds (iscrowd 1): ids 12',
             f'./a.json: no object can {aim} of 1 of the 2 classes: dog']]


def test_nothing_to_train_on(check):
    out = 'are left out (a box below one pixel or outside the image, or no '
    shares = (' All boxes lie within 0 and 1: are they shares of the image? '
              "COCO's are pixels.")
    assert check(each(bbox=[.1, .2, .3, .4]), with_mask=False) == [
        [nothing(f'{out}area)', more=shares)], []]
    assert check(each(ignore=1)) == [[nothing('are marked as ignore')], []]
    assert check(min_size=41) == [
        [nothing('are in images smaller than filter_cfg.min_size')],
        ['./a.json: 3 images are left out (smaller than filter_cfg.min_size):'
         ' 0.jpg, 1.jpg, 2.jpg']]


ORDER = ('./a.json: its categories have the order cat, dog, by which mmdet\'s '
         '{0} numbers them, and metainfo.classes dog, cat. Labels follow the '
         "names with type='mmconvnextv2.{1}'")


def test_order_of_names(check, tmp_path):
    names = dict(classes=('dog', 'cat'), kind='mmdet.CocoDataset')
    theirs = dict(type='mmdet.CocoMetric', ann_file=f'{tmp_path}/a.json')
    dataset = ORDER.format('CocoDataset', 'CocoByNameDataset')
    assert check(**names) == [[dataset], []]
    assert check(**dict(names, classes=('dog', ))) == [[], []]
    del names['kind']
    assert check(**names) == [[], []]
    assert check(each(iscrowd=0), split='val', evaluator=theirs, **names) == [
        [ORDER.format('CocoMetric', 'CocoByNameMetric')], []]


def test_order_of_classes_of_the_splits():
    cfg = {f'{split}_dataloader': dict(dataset=dict(
        type='mmdet.CocoDataset', metainfo=dict(classes=tuple(names))))
        for split, names in (('train', 'ab'), ('val', 'ba'), ('test', 'ac'))}
    faults, _ = check_data(cfg, ('train', 'val', 'test'))
    assert [x for x in faults if 'differ' in x] == [
        'metainfo.classes of the data sets differ in order, of train and of '
        'val: a, b; against b, a']


def test_classes_that_a_file_lacks(check):
    names = dict(classes=('emu', 'cat', 'dog'))
    assert check(**names) == [[], [
        './a.json: no object can be trained on of 1 of the 3 classes: emu']]
    # Else labels would shift.
    assert check(kind='mmdet.CocoDataset', **names)[0][0].startswith(
        './a.json: 1 of the 3 classes are not among its categories: emu; ')


def test_heads_with_fewer_outputs(check):
    heads = dict(bbox_head=[dict(num_classes=2), dict(num_classes=1)],
                 mask_head=dict(num_classes=2))
    assert check(model=dict(rpn_head=dict(num_classes=1), **heads)) == [[
        './a.json: model.bbox_head[1].num_classes is 1, and metainfo has 2 '
        'classes: cat, dog'], []]


@pytest.mark.parametrize('change, ids', [
    (each(iscrowd=0, id=0), None), (lambda x: None, '10, 11, 12'),
    (lambda x: [each(iscrowd=0)(x), first('annotations', id=0)(x)], '0')])
def test_evaluation_by_mmdet(check, change, ids, tmp_path):
    theirs = dict(type='CocoMetric', ann_file=f'{tmp_path}/a.json')
    faults, _ = check(change, split='val', evaluator=[theirs])
    assert faults == [
        './a.json: ' + ('3 annotations have the id 0' if ids is None else
                        "mmdet's CocoMetric never finds an annotation with "
                        'the id 0 and needs iscrowd of each: ids '
                        f"{ids}. type='mmconvnextv2.CocoByNameMetric' needs "
                        'neither')]
    if ids:
        assert check(change, split='val', evaluator=[
            dict(OURS, ann_file=f'{tmp_path}/a.json')]) == [[], []]


def test_evaluation_by_another_file(check, tmp_path):
    other = deepcopy(GOOD)
    other['images'][1].update(id=7)
    other['annotations'][1].update(image_id=7)
    (tmp_path / 'b.json').write_text(json.dumps(other))
    use = dict(split='val',
               evaluator=dict(OURS, ann_file=f'{tmp_path}/b.json'))
    assert check(**use) == [[
        './b.json: the evaluation reads it, and 1 of the 3 images of ./a.json '
        'are not in it under the same id: 1 (1.jpg)'], []]
    other['categories'][1]['name'] = 'cow'
    (tmp_path / 'b.json').write_text(json.dumps(other))
    assert check(**use)[0][0].startswith(
        './b.json: 1 of the 2 classes are not among its categories: dog; ')


CORNERS = (' They look like corners x1, y1, x2, y2, which are x, y, x2 - x1, '
           'y2 - y1 in COCO.')


def test_boxes_unlike_their_polygons(check):
    box = dict(bbox=[30, 20, 50, 30],
               segmentation=[[30, 20, 50, 20, 50, 30, 30, 30]])
    line = './a.json: {0} of its 3 boxes end outside their image ({1}) or ' \
        'are unlike their polygons ({2}): ids {3}.'
    assert check(each(**box)) == check(
        each(**box), split='val', evaluator=OURS) == [
            [line.format(3, 3, 3, '10, 11, 12') + CORNERS], []]
    assert check(each(**box), with_mask=False) == [
        [line.format(3, 3, 0, '10, 11, 12') + CORNERS], []]
    assert check(first('annotations', **box)) == [
        [], [line.format(1, 1, 1, '10') + CORNERS]]
    # Padded by 2 pixels; of another object; a pixel beyond the border.
    assert check(each(bbox=[-1, 0, 24, 14])) == [[], []]
    assert check(each(bbox=[31, 22, 20, 10])) == [
        [line.format(3, 0, 3, '10, 11, 12')], []]
    assert check(each(bbox=[1, 2, 60, 39]), with_mask=False) == [[], []]


SIZES = ('./a.json: {} of 3 images that were opened have another size: {}. '
         'Training leaves such images out, an evaluation would not be of them')


def test_sizes_of_images(check, tmp_path):

    def write(i, size, turn=1):
        exif = Image.Exif()
        exif[0x0112] = turn
        Image.new('RGB', size).save(tmp_path / 'images' / f'{i}.jpg',
                                    exif=exif)

    for i, turn in enumerate((1, 6, 3)):
        write(i, (40, 60) if turn == 6 else (60, 40), turn)
    turned = ('./a.json: 1 of 3 images that were opened are mirrored or '
              'turned by Exif, which keeps their size: 2.jpg. They are read '
              'as Exif says. If the annotations are for the pixels as stored: '
              "color_type='color_ignore_orientation' of LoadImageFromFile")
    as_stored = dict(color_type='color_ignore_orientation')
    assert check() == check(split='val', evaluator=OURS) == [[], [turned]]
    one = SIZES.format(1, '1.jpg has 40x60 pixels, the file says 60x40')
    assert check(load=as_stored) == [[], [one]]
    assert check(load=as_stored, split='val', evaluator=OURS) == [[one], []]
    for i in range(3):
        write(i, (60, 40), 8)
    text = ('{}.jpg has 40x60 pixels as Exif turns it (as stored, with '
            "color_type='color_ignore_orientation' of LoadImageFromFile, it "
            'would fit), the file says 60x40')
    assert check() == [[SIZES.format(
        3, f'{text.format(0)}, {text.format(1)} and 1 more')], []]
    assert check(load=as_stored) == [[], []]


def test_large_files_are_announced(check, monkeypatch, capsys):
    monkeypatch.setattr(coco, '_LARGE', 10)
    assert check() == [[], []]
    assert capsys.readouterr().err.endswith('a.json (0 MB) ...\n')


def test_images_in_folders(check, tmp_path):
    (tmp_path / 'images' / 'b').mkdir()
    (tmp_path / 'images' / 'b' / 'x.jpg').symlink_to('../0.jpg')
    (tmp_path / 'images' / 'b' / 'y.jpg').symlink_to('../none.jpg')
    assert check(first('images', file_name='b/x.jpg')) == [[], []]
    for name in ('b/y.jpg', 'c/x.jpg'):
        assert check(first('images', file_name=name)) == [[
            f'./a.json: 1 of its 3 images are not in ./images: {name}'], []]
