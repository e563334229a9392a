from pathlib import Path

import pytest
from mmengine.config import Config

from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.config.preflight import MissingPath, missing_data


@pytest.fixture(autouse=True)
def _empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def _loader(**dataset):
    return dict(train_dataloader=dict(batch_size=1, dataset=dataset))


def _paths(cfg, **kwargs):
    return [item.path for item in missing_data(cfg, **kwargs)]


def test_shipped_coco_config_names_every_path_once():
    cfg = Config.fromfile(configs_folder() / 'maskrcnn_convnextv2_b_coco.py')
    before = cfg.pretty_text
    missing = missing_data(cfg)
    assert [item.path for item in missing] == [
        'data/coco/annotations/instances_train2017.json',
        'data/coco/train2017/',
        'data/coco/annotations/instances_val2017.json',
        'data/coco/val2017/',
    ]
    assert missing[2].keys == ('val_dataloader.dataset.ann_file',
                               'test_dataloader.dataset.ann_file',
                               'val_evaluator.ann_file',
                               'test_evaluator.ann_file')
    assert missing[0].dataset == cfg.train_dataloader.dataset
    # And does not change it.
    assert cfg.pretty_text == before


def test_nothing_is_reported_once_it_is_there():
    cfg = _loader(data_root='data', ann_file='a.json', data_prefix='images')
    assert _paths(cfg) == ['data/a.json', 'data/images']
    Path('data/images').mkdir(parents=True)
    assert _paths(cfg) == ['data/a.json']
    Path('data/a.json').touch()
    assert _paths(cfg) == []


@pytest.mark.parametrize('dataset, expected', [
    (dict(ann_file='a.json'), ['a.json']),
    (dict(data_root='d', ann_file='/gone/a.json'), ['/gone/a.json']),
    (dict(data_root='d', data_prefix=dict(img_path='x', seg_map_path='y')),
     ['d/x', 'd/y']),
    (dict(data_root='d', data_prefix=dict(img='')), ['d/']),
    (dict(data_root='d', data_prefix=''), ['d/']),
    (dict(data_root='d'), ['d/']),
    (dict(data_root='d', ann_file='', data_prefix=dict(img=None)), ['d/']),
    (dict(type='ImageNet', data_root='d', split='val'), ['d/val']),
    (dict(type='mmpretrain.ImageNet', data_root='d', split='val',
          data_prefix='v'), ['d/v']),
    (dict(type='Other', data_root='d', split='val'), ['d/']),
    (dict(type='CIFAR10', data_root='d'), []),
    (dict(type='CIFAR10', data_root='d', download=False), ['d/']),
    (dict(data_root='s3://bucket', ann_file='a.json'), []),
    (dict(data_root='d', backend_args=dict(backend='petrel')), []),
    (dict(data_root='d', backend_args=dict(backend='local')), ['d/']),
    (dict(data_root='d', backend_args=None), ['d/']),
    (dict(), []),
])
def test_paths_are_joined_as_data_sets_do(dataset, expected):
    assert _paths(_loader(**dataset)) == expected


def test_wrappers_of_any_depth_are_opened():
    one, two = (dict(ann_file=f'{i}.json') for i in (1, 2))
    cfg = _loader(
        type='RepeatDataset',
        dataset=dict(
            type='ConcatDataset',
            datasets=[one, dict(type='MultiImageMixDataset', dataset=two)]))
    inner = 'train_dataloader.dataset.dataset.datasets'
    assert [(item.path, item.keys) for item in missing_data(cfg)] == [
        ('1.json', (f'{inner}[0].ann_file', )),
        ('2.json', (f'{inner}[1].dataset.ann_file', )),
    ]


@pytest.mark.parametrize('evaluator, key', [
    (dict(type='M', ann_file='gone.json'), 'val_evaluator.ann_file'),
    ([dict(type='L'), dict(type='M', ann_file='gone.json')],
     'val_evaluator[1].ann_file'),
    (dict(metrics=[dict(type='M', seg_prefix='gone.json')]),
     'val_evaluator.metrics[0].seg_prefix'),
])
def test_evaluators_are_read(evaluator, key):
    assert missing_data(dict(val_evaluator=evaluator)) == [
        MissingPath('gone.json', (key, ))
    ]


def test_spellings_of_a_path_are_one_path():
    cfg = dict(
        _loader(data_root='d/', ann_file='a.json'),
        train_evaluator=dict(ann_file='d//a.json'))
    item, = missing_data(cfg)
    assert item.keys == ('train_dataloader.dataset.ann_file',
                         'train_evaluator.ann_file')


def test_only_the_splits_in_use_count():
    cfg = dict(
        _loader(ann_file='train.json'),
        val_dataloader=None,
        test_dataloader=dict(dataset=dict(ann_file='test.json')))
    assert _paths(cfg) == ['train.json', 'test.json']
    assert _paths(cfg, splits=('train', 'val')) == ['train.json']


def test_local_weights_are_checked_and_urls_are_not():
    model = dict(
        type='Detector',
        pretrained='old.pth',
        backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='gone.pth')),
        neck=dict(
            init_cfg=[
                dict(type='Xavier', layer='Conv2d'),
                dict(type='Pretrained', checkpoint='https://x.org/w.pth')
            ]),
        # Not a weight: only Pretrained reads one.
        head=dict(checkpoint='name'))
    cfg = dict(load_from='start.pth', model=model)
    assert [(x.path, x.keys) for x in missing_data(cfg)] == [
        ('start.pth', ('load_from', )),
        ('old.pth', ('model.pretrained', )),
        ('gone.pth', ('model.backbone.init_cfg.checkpoint', )),
    ]
    assert _paths(cfg, initial_weights=False) == ['start.pth']
