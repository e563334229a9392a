"""Labels follow names, in data sets and in the evaluation."""
import json
from copy import deepcopy

import pytest
import torch
from mmengine.registry import DATASETS, METRICS, DefaultScope

CLASSES = ('cat', 'dog', 'emu')
BOXES = [[10, 10, 30, 30], [50, 50, 40, 40], [20, 60, 20, 30]]
GOOD = dict(
    images=[dict(id=3, file_name='a.jpg', width=100, height=100)],
    categories=[dict(id=7 + i, name=x) for i, x in enumerate(CLASSES)],
    annotations=[
        dict(id=1 + i, image_id=3, category_id=7 + i, bbox=x, iscrowd=0,
             area=x[2] * x[3]) for i, x in enumerate(BOXES)
    ])


def other_order(content):
    content['categories'].reverse()


def other_ids(content):
    """Of classes by first appearance, as some exporters number them."""
    for record in (*content['categories'], *content['annotations']):
        key = 'category_id' if 'bbox' in record else 'id'
        record[key] = {7: 2, 8: 0, 9: 1}[record[key]]
    content['categories'].sort(key=lambda x: x['id'])


def without_a_class(content):
    del content['categories'][0], content['annotations'][0]


def ids_from_zero(content):
    for i, record in enumerate(content['annotations']):
        record['id'] = i


def without_iscrowd(content):
    for record in content['annotations']:
        del record['iscrowd']


CHANGES = (lambda x: None, other_order, other_ids, without_a_class,
           ids_from_zero, without_iscrowd)


@pytest.fixture(params=CHANGES, ids=lambda x: x.__name__)
def file(request, tmp_path):
    """Path of a file and labels of its boxes."""
    content = deepcopy(GOOD)
    request.param(content)
    (tmp_path / 'a.json').write_text(json.dumps(content))
    return str(tmp_path / 'a.json'), list(
        range(3))[3 - len(content['annotations']):]


def build(registry, **cfg):
    with DefaultScope.overwrite_default_scope('mmdet'):
        return registry.build(cfg)


@pytest.mark.parametrize('wrapper', [
    lambda x: x, lambda x: dict(type='RepeatDataset', dataset=x, times=2),
    lambda x: dict(type='ConcatDataset', datasets=[x, x]),
    lambda x: dict(type='ClassBalancedDataset', dataset=x, oversample_thr=.1)
])
def test_labels_follow_names(file, wrapper):
    path, labels = file
    dataset = build(DATASETS, **wrapper(dict(
        type='mmconvnextv2.CocoByNameDataset', ann_file=path, pipeline=[],
        data_prefix=dict(img=''), filter_cfg=dict(filter_empty_gt=True),
        metainfo=dict(classes=CLASSES))))
    found = dataset.get_data_info(0)['instances']
    assert [(x['bbox_label'], x['bbox'][:2]) for x in found] == [
        (i, BOXES[i][:2]) for i in labels]
    assert dataset.metainfo['classes'] == CLASSES


def evaluate(kind, path, labels):
    metric = build(METRICS, type=kind, ann_file=path, classwise=True)
    metric.dataset_meta = dict(classes=CLASSES)
    boxes = torch.tensor([BOXES[i] for i in labels], dtype=torch.float)
    boxes[:, 2:] += boxes[:, :2]
    found = dict(bboxes=boxes, scores=torch.ones(len(boxes)),
                 labels=torch.tensor(labels))
    # Twice, as after two epochs.
    for _ in range(2):
        metric.process({}, [dict(img_id=3, ori_shape=(100, 100),
                                 pred_instances=found)])
        figures = metric.evaluate(1)
    return figures


def test_perfect_predictions_score_1(file):
    path, labels = file
    figures = evaluate('mmconvnextv2.CocoByNameMetric', path, labels)
    assert figures['coco/bbox_mAP'] == 1.0
    assert [i for i, x in enumerate(CLASSES)
            if figures[f'coco/{x}_precision'] == 1.0] == labels


@pytest.mark.parametrize('change, figure', [
    (other_order, 0.333), (other_ids, 0.0), (ids_from_zero, 0.667)])
def test_what_mmdet_makes_of_them(tmp_path, change, figure):
    """When it differs, the checks of configs with mmdet's types can go."""
    content = deepcopy(GOOD)
    change(content)
    (tmp_path / 'a.json').write_text(json.dumps(content))
    assert evaluate('CocoMetric', str(tmp_path / 'a.json'), [0, 1, 2])[
        'coco/bbox_mAP'] == pytest.approx(figure, abs=1e-3)
