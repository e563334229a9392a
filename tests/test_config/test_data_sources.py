from pathlib import Path

import pytest

from mmconvnextv2.config.data_sources import (
    describe_missing,
    write_missing_shapes,
)
from mmconvnextv2.config.preflight import MissingPath

_COMMAND = 'python tools/train.py'


def _describe(*missing, config='maskrcnn_convnextv2_b_coco.py'):
    return describe_missing(missing, config, _COMMAND)


def _data(root, kind='', **settings):
    return MissingPath(
        f'{root}/a.json', ('val_dataloader.dataset.ann_file', ),
        dict(type=kind, data_root=root, **settings))


def test_whole_message(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert _describe(_data('data/coco')) == f'''\
maskrcnn_convnextv2_b_coco.py names files that do not exist (seen from {tmp_path}):
  data/coco/a.json
      named by val_dataloader.dataset.ann_file

How to get them:
  - COCO 2017: unpack train2017.zip, val2017.zip and annotations_trainval2017.zip of
    https://cocodataset.org/#download into data/coco.
  - Data that you have elsewhere can be linked: ln -s /path/to/it data/coco

This runs without any download:
  python tools/train.py maskrcnn_convnextv2_a_shapes.py'''  # noqa: E501


@pytest.mark.parametrize('item, expected', [
    (_data('data/COCO'), 'COCO 2017:'),
    (_data('/big/sets', 'CocoDataset'), 'COCO 2017:'),
    (_data('data/cats', 'CocoDataset', metainfo={}),
     'data/cats: not a data set this package knows.'),
    (_data('data/ade/ADEChallengeData2016'), 'ADE20K:'),
    (_data('somewhere', 'ADE20KDataset'), 'ADE20K:'),
    (_data('data/imagenet'), 'ImageNet-1K:'),
    (_data('somewhere', 'ImageNet'), 'ImageNet-1K:'),
    (_data('data/imagenet22k'), 'ImageNet-22K, 21841 classes:'),
    (_data('somewhere', 'ImageNet21k'), 'ImageNet-22K, 21841 classes:'),
    (_data('data/shapes'), 'The shapes data set is written on first use'),
    (_data('data/CUB_200_2011'), 'docs/which_recipe.md says where to get'),
    (_data('data/SARDet_100K'), 'docs/which_recipe.md says where to get'),
    (_data('data/unknown'), 'data/unknown: not a data set'),
    (MissingPath('x/b.json', ('train_dataloader.dataset.ann_file', )),
     'x: not a data set this package knows.'),
    (MissingPath('w.pth', ('load_from', )), 'Weights: give the path'),
    (MissingPath('w.pth', ('model.backbone.init_cfg.checkpoint', )),
     'Weights: give the path'),
    (MissingPath('v.json', ('val_evaluator.ann_file', )),
     'Correct the path in the config: val_evaluator.ann_file.'),
])
def test_remedy_fits_what_is_missing(item, expected):
    remedies = _describe(item).split('How to get them:\n')[1]
    assert remedies.startswith(f'  - {expected}')


def test_linking_is_only_proposed_where_nothing_lies(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    link = 'ln -s /path/to/it data/coco'
    # Each remedy is given once.
    text = _describe(_data('data/coco'), _data('data/coco/'))
    assert text.count(link) == text.count('COCO 2017') == 1
    (tmp_path / 'data' / 'coco').mkdir(parents=True)
    assert link not in _describe(_data('data/coco'))


@pytest.mark.parametrize('config, expected', [
    ('fcmae_convnextv2_b_in1k.py', 'fcmae_convnextv2_a_shapes.py'),
    ('configs/upernet_convnextv2_b_ade20k', 'upernet_convnextv2_a_shapes.py'),
    ('cascade_maskrcnn_convnextv1_xl_coco.py',
     'cascade_maskrcnn_convnextv2_a_shapes.py'),
    ('convnextv2_t_ft_in1k.py', 'convnextv2_a_ft_shapes.py'),
    ('my_own.py', 'maskrcnn_convnextv2_a_shapes.py'),
])
def test_config_without_download_is_of_the_same_task(config, expected):
    text = _describe(_data('data/coco'), config=config)
    assert text.endswith(f'  {_COMMAND} {expected}')


@pytest.mark.parametrize('data_root, expected', [
    ('data/shapes/', 'data/shapes'), ('/x/shapes', '/x/shapes'),
    ('data/shapes/ade', 'data/shapes'), ('shapes/data/coco', None),
    ('data/shapes2', None), ('', None)
])
def test_missing_shapes_are_written(monkeypatch, data_root, expected):
    written, said = [], []
    monkeypatch.setattr(
        'mmconvnextv2.datasets.make_shapes',
        lambda root, progress: written.append((root, progress)))
    items = 2 * [_data(data_root)]
    found = write_missing_shapes(items, said.append, progress=True)
    assert found is (expected is not None)
    assert written == ([(Path(expected), True)] if expected else [])
    assert said == ([f'Writing the shapes data set to {expected} (the first '
                     'time only)'] if expected else [])
