"""The shapes data set, read by the packages' own classes."""
import json

import numpy as np
import pytest

from mmconvnextv2.datasets import (
    CLASSES,
    PALETTE,
    SEG_CLASSES,
    SEG_PALETTE,
    make_shapes,
)

pytest.importorskip('pycocotools')
NUM = dict(train=12, val=6)
SPLITS = ('train', 'val')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_shapes(
        tmp_path_factory.mktemp('shapes') / 'shapes', NUM['train'], NUM['val'])


@pytest.mark.parametrize('split', SPLITS)
def test_mmdet_reads_it(root, split):
    datasets = pytest.importorskip('mmdet.datasets')
    dataset = datasets.CocoDataset(
        data_root=str(root),
        ann_file=f'annotations/instances_{split}2017.json',
        data_prefix=dict(img=f'{split}2017/'),
        metainfo=dict(classes=CLASSES, palette=PALETTE),
        pipeline=[])
    path = root / 'annotations' / f'instances_{split}2017.json'
    index = json.loads(path.read_text())
    assert len(dataset) == NUM[split]
    instances = [i for n in range(NUM[split])
                 for i in dataset.get_data_info(n)['instances']]
    assert [i['bbox_label'] + 1 for i in instances
            ] == [a['category_id'] for a in index['annotations']]


@pytest.mark.parametrize('split, folder', [('train', 'training'),
                                           ('val', 'validation')])
@pytest.mark.parametrize('name, extra', [
    # Its 150 classes cannot be replaced, but files and numbers are as there.
    ('ADE20KDataset', dict()),
    ('BaseSegDataset',
     dict(
         reduce_zero_label=True,
         metainfo=dict(classes=SEG_CLASSES, palette=SEG_PALETTE))),
])
def test_mmseg_reads_it(root, split, folder, name, extra):
    datasets = pytest.importorskip('mmseg.datasets')
    dataset = getattr(datasets, name)(
        data_root=str(root / 'ade'),
        data_prefix=dict(
            img_path=f'images/{folder}', seg_map_path=f'annotations/{folder}'),
        pipeline=[
            dict(type='mmseg.LoadImageFromFile'),
            dict(type='mmseg.LoadAnnotations')
        ],
        **extra)
    assert len(dataset) == NUM[split]
    labels = set()
    for item in dataset:
        assert item['img'].shape[:2] == item['gt_seg_map'].shape
        labels |= set(np.unique(item['gt_seg_map']))
    # No pixel is ignored (255), and the background is the last class.
    assert labels == {0, 1, 2, 3, 4, 5}
    assert SEG_CLASSES[:5] == CLASSES and SEG_CLASSES[5:] == ('background', )
    assert len(SEG_PALETTE) == 6


@pytest.mark.parametrize('split', SPLITS)
@pytest.mark.parametrize('name', ['ImageNet', 'CustomDataset'])
def test_mmpretrain_reads_it(root, split, name):
    datasets = pytest.importorskip('mmpretrain.datasets')
    where = dict(split=split) if name == 'ImageNet' else dict(
        data_prefix=split)
    dataset = getattr(datasets, name)(
        data_root=str(root / 'imagenet'),
        metainfo=dict(classes=CLASSES),
        pipeline=[dict(type='mmpretrain.LoadImageFromFile')],
        **where)
    assert len(dataset) == NUM[split]
    for item in dataset:
        assert f'/{CLASSES[item["gt_label"]]}/' in item['img_path']
        assert 96 <= min(item['img_shape']) <= max(item['img_shape']) <= 128
    labels = [item['gt_label'] for item in dataset]
    assert max(map(labels.count, range(5))) - min(
        map(labels.count, range(5))) <= 1
