"""The layouts of the shapes data set, against pycocotools."""
import json

import cv2
import numpy as np
import pytest

from mmconvnextv2.datasets import CLASSES, make_shapes

mask_utils = pytest.importorskip('pycocotools.mask')
NUM = dict(train=12, val=6)
SPLITS = ('train', 'val')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_shapes(
        tmp_path_factory.mktemp('shapes') / 'shapes', NUM['train'], NUM['val'])


def _index(root, split):
    path = root / 'annotations' / f'instances_{split}2017.json'
    return json.loads(path.read_text())


@pytest.mark.parametrize('split', SPLITS)
def test_coco_index(root, split):
    index = _index(root, split)
    assert [c['name'] for c in index['categories']] == list(CLASSES)
    assert [c['id'] for c in index['categories']] == [1, 2, 3, 4, 5]
    first = dict(train=1, val=500001)[split]
    assert [i['id'] for i in index['images']
            ] == list(range(first, first + NUM[split]))
    for image in index['images']:
        assert image['file_name'] == f'{image["id"]:012d}.jpg'
        pixels = cv2.imread(str(root / f'{split}2017' / image['file_name']))
        assert pixels.shape == (image['height'], image['width'], 3)
        assert 128 <= min(pixels.shape[:2]) <= max(pixels.shape[:2]) <= 192
    ids = [a['id'] for a in index['annotations']]
    assert ids == list(range(1, len(ids) + 1))
    counts = [
        sum(a['image_id'] == i['id'] for a in index['annotations'])
        for i in index['images']
    ]
    assert min(counts) >= 1 and max(counts) <= 5


@pytest.mark.parametrize('split', SPLITS)
def test_area_and_box_are_those_of_pycocotools(root, split):
    coco = pytest.importorskip('pycocotools.coco').COCO(
        str(root / 'annotations' / f'instances_{split}2017.json'))
    for annotation in coco.dataset['annotations']:
        rle = coco.annToRLE(annotation)
        assert annotation['area'] == mask_utils.area(rle) >= 40
        assert annotation['bbox'] == mask_utils.toBbox(rle).tolist()
        assert annotation['iscrowd'] == 0
        image = coco.imgs[annotation['image_id']]
        x, y = np.concatenate(annotation['segmentation']).reshape(-1, 2).T
        assert min(x.min(), y.min()) >= 0
        assert x.max() <= image['width'] and y.max() <= image['height']
        # Hiding can only make a box smaller; a pixel for rounding.
        side = max(annotation['bbox'][2:])
        assert side <= 0.45 * min(image['height'], image['width']) + 1


def test_polygons_equal_the_semantic_map(root):
    worst = 1.
    for split, folder in (('train', 'training'), ('val', 'validation')):
        index = _index(root, split)
        for number, image in enumerate(index['images'], 1):
            seg_map = cv2.imread(
                str(root / 'ade' / 'annotations' / folder /
                    f'ADE_{split}_{number:08d}.png'), cv2.IMREAD_UNCHANGED)
            size = image['height'], image['width']
            assert seg_map.shape == size and seg_map.dtype == np.uint8
            masks = np.zeros((6, *size), bool)
            for annotation in index['annotations']:
                if annotation['image_id'] == image['id']:
                    rles = mask_utils.frPyObjects(annotation['segmentation'],
                                                  *size)
                    masks[annotation['category_id'] - 1] |= mask_utils.decode(
                        mask_utils.merge(rles)).astype(bool)
            masks[5] = ~masks[:5].any(0)
            for label in set(np.unique(seg_map)) | {6}:
                of_map, of_polygons = seg_map == label, masks[label - 1]
                worst = min(worst, (of_map & of_polygons).sum() /
                            (of_map | of_polygons).sum())
    # Objects that touch share boundary pixels; nothing else differs.
    assert worst > 0.93
