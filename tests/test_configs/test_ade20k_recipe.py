"""ADE20K configs: what the papers' tables do not hold."""

import re

import cv2
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
from config_run import CONFIGS, LEAVES
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from model_zoo import load_zoo
from paper_tables import TABLES

from mmconvnextv2.models.backbones.arch import resolve_arch

MODELS = {model['Name']: model for family in load_zoo(CONFIGS.parent)
          for model in family.models}
ROWS = {name[len('upernet_convnext'):-len('_ade20k')]: row
        for name, row in TABLES.items()
        if re.fullmatch('upernet_convnext.*_ade20k', name)}


def path_of(name):
    return LEAVES[f'upernet_convnext{name}_ade20k']


def side_of(name) -> int:
    return 640 if name.endswith('_640') else 512


def load(name):
    return Config.fromfile(path_of(name))


@pytest.mark.parametrize('name', ROWS)
def test_heads_and_windows(name):
    cfg, side = load(name), side_of(name)
    backbone, model = cfg.model.backbone, cfg.model
    assert backbone.init_cfg.prefix == 'backbone.'
    assert (backbone.get('use_grn', True),
            backbone.get('layer_scale_init_value', 0)) == (
                (False, 1e-6) if name.startswith('v1') else (True, 0))
    channels = resolve_arch(backbone.arch).channels
    assert model.decode_head.in_channels == list(channels)
    assert model.auxiliary_head.in_channels == channels[2]
    for head in (model.decode_head, model.auxiliary_head):
        assert head.num_classes == 150
        assert head.norm_cfg.type == 'SyncBN'
    warm_up, decline = cfg.param_scheduler
    assert (warm_up.begin, warm_up.by_epoch) == (0, False)
    assert (decline.power, decline.begin, decline.end,
            decline.by_epoch) == (1.0, 1500, 160000, False)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert loader.dataset.type == 'ADE20KDataset'
    train = {x.type: x for x in cfg.train_dataloader.dataset.pipeline}
    assert train['RandomResize'].scale == (4 * side, side)
    test = {x.type: x for x in cfg.test_dataloader.dataset.pipeline}
    assert test['Resize'].keep_ratio
    assert model.data_preprocessor.size == (side, side)
    # Two thirds of a window: 341 of 512, 426 of 640.
    assert model.test_cfg == dict(
        mode='slide', crop_size=(side, side), stride=(side * 2 // 3, ) * 2)
    assert cfg.tta_test_cfg == dict(mode='whole')
    scales = [scale[1] / side for scale in cfg.tta_scales]
    protocol = f'(whole images, {scales[0]} to {scales[-1]}, flip)'
    figure = 'Expected mIoU' in path_of(name).read_text()
    assert (protocol in path_of(name).read_text()) is figure
    results = MODELS[f'upernet_convnext{name}_ade20k'].get('Results', [{}])
    assert results[0].get('Protocol') == (protocol[1:-1] if figure else None)


@pytest.mark.parametrize('name', ['v1_b', 'v2_b', 'v2_h_640'])
def test_scales_of_the_paper_as_they_are_and_mirrored(tmp_path, name):
    picture, labels = tmp_path / 'x.png', tmp_path / 'labels.png'
    cv2.imwrite(str(picture), np.zeros((100, 150, 3), np.uint8))
    cv2.imwrite(str(labels), np.ones((100, 150), np.uint8))
    with DefaultScope.overwrite_default_scope('mmseg'):
        seen = Compose(load(name).tta_pipeline)(
            dict(
                img_path=str(picture),
                seg_map_path=str(labels),
                reduce_zero_label=True,
                seg_fields=[]))
    found = [(tuple(image.shape[1:]), bool(sample.flip))
             for image, sample in zip(seen['inputs'], seen['data_samples'])]
    ratios = ((0.5, 0.75, 1, 1.25, 1.5, 1.75) if name == 'v1_b' else
              (0.75, 0.875, 1, 1.125, 1.25))
    sides = [int(side_of(name) * x) for x in ratios]
    assert sorted(found) == sorted(((side, side * 3 // 2), flip)
                                   for side in sides
                                   for flip in (False, True))
    # Annotations are neither resized nor mirrored; label 1 is class 0.
    for sample in seen['data_samples']:
        assert sample.gt_sem_seg.data.shape == (1, 100, 150)
        assert not sample.gt_sem_seg.data.any()
