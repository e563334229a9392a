"""The recipes that the ADE20K configs come to."""
import math
from typing import NamedTuple

import cv2
import mmseg.datasets  # noqa: F401
import numpy as np
import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope

from mmconvnextv2.engine.cpu import avoid_amp_on_cpu
from mmconvnextv2.models.layers import ConvNeXtV2Block

_URL = 'https://download.openmmlab.com/mmclassification/v0/'
_V2, _V1 = f'{_URL}convnext-v2/convnext-v2-', f'{_URL}convnext/convnext-'
_TUNED = '_fcmae-pre_3rdparty_in1k_20230104-'


class Row(NamedTuple):
    """What differs between the configs; the stem's rate is over the lr."""
    arch: str
    channels: int
    drop_path: float
    decay_type: str
    stem: float
    weights: str


# Rates are 0.9, all of one lr: layer-wise the stem is D = sum(depths) ids from
# the end, group-wise 13, stage-wise 13.
ROWS = {
    'v2_a': Row('atto', 40, 0.1, 'layer_wise', 0.9**12,
                f'{_V2}atto{_TUNED}23765f83.pth'),
    'v2_f': Row('femto', 48, 0.1, 'layer_wise', 0.9**12,
                f'{_V2}femto{_TUNED}92a75d75.pth'),
    'v2_p': Row('pico', 64, 0.1, 'layer_wise', 0.9**12,
                f'{_V2}pico{_TUNED}d20263ca.pth'),
    'v2_n': Row('nano', 80, 0.1, 'layer_wise', 0.9**14,
                f'{_V2}nano{_TUNED}fe1aaaf2.pth'),
    'v2_t': Row('tiny', 96, 0.4, 'layer_wise', 0.9**18,
                f'{_V2}tiny{_TUNED}471a86de.pth'),
    'v2_b': Row('base', 128, 0.4, 'group_wise', 0.9**13,
                f'{_V2}base{_TUNED}00a70fa4.pth'),
    'v2_l': Row('large', 192, 0.4, 'group_wise', 0.9**13,
                f'{_V2}large{_TUNED}ef393013.pth'),
    'v2_h': Row('huge', 352, 0.4, 'group_wise', 0.9**13,
                f'{_V2}huge{_TUNED}f795e5b8.pth'),
    'v2_h_640': Row(
        'huge', 352, 0.4, 'group_wise', 0.9**13,
        f'{_V2}huge_fcmae-in21k-pre_3rdparty_in1k-512px_20230104-ce32e63c.pth'
    ),
    'v1_b': Row('base', 128, 0.4, 'stage_wise', 0.9**13,
                f'{_V1}base_3rdparty_32xb128-noema_in1k_20220222-dba4f95f.pth'
                ),
    'v1_l': Row('large', 192, 0.4, 'stage_wise', 0.9**13,
                f'{_V1}large_3rdparty_64xb64_in1k_20220124-f8a0ded0.pth'),
}
_MAX_LINES = 25


def path_of(name):
    return CONFIGS / f'upernet_convnext{name}_ade20k.py'


def side_of(name) -> int:
    return 640 if name.endswith('_640') else 512


def load(name):
    return Config.fromfile(path_of(name))


def steps(pipeline):
    return {step.type: step for step in pipeline}


def test_every_config_is_in_the_table():
    assert {x.name for x in CONFIGS.glob('upernet_*_ade20k.py')
            } == {path_of(name).name for name in ROWS}


@pytest.mark.parametrize('name', ROWS)
def test_what_differs(name):
    row, cfg = ROWS[name], load(name)
    backbone = cfg.model.backbone
    assert backbone.arch == row.arch
    assert backbone.drop_path_rate == row.drop_path
    assert backbone.init_cfg == dict(
        type='Pretrained', checkpoint=row.weights, prefix='backbone.')
    is_v1 = name.startswith('v1')
    assert (backbone.get('use_grn', True), backbone.get(
        'layer_scale_init_value', 0)) == ((False, 1e-6) if is_v1 else
                                          (True, 0))
    head, auxiliary = cfg.model.decode_head, cfg.model.auxiliary_head
    assert head.in_channels == [row.channels * 2**i for i in range(4)]
    assert auxiliary.in_channels == row.channels * 4
    assert cfg.optim_wrapper.paramwise_cfg == dict(
        decay_rate=0.9, decay_type=row.decay_type)


@pytest.mark.parametrize('name', ROWS)
def test_what_all_share(name):
    cfg, side = load(name), side_of(name)
    wrapper = cfg.optim_wrapper
    assert wrapper.type == 'AmpOptimWrapper'
    assert wrapper.optimizer == dict(
        type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05)
    assert (cfg.train_cfg.type, cfg.train_cfg.max_iters) == (
        'IterBasedTrainLoop', 160000)
    # 8 GPUs, 2 images on each.
    assert cfg.train_dataloader.batch_size == 2
    assert cfg.auto_scale_lr.base_batch_size == 16
    warm_up, decline = cfg.param_scheduler
    assert (warm_up.type, warm_up.begin, warm_up.end,
            warm_up.by_epoch) == ('LinearLR', 0, 1500, False)
    assert (decline.type, decline.power, decline.eta_min, decline.begin,
            decline.end, decline.by_epoch) == ('PolyLR', 1.0, 0, 1500, 160000,
                                               False)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        assert loader.dataset.type == 'ADE20KDataset'
    train = steps(cfg.train_dataloader.dataset.pipeline)
    assert train['RandomResize'].scale == (4 * side, side)
    assert train['RandomResize'].ratio_range == (0.5, 2.0)
    assert train['RandomCrop'].crop_size == (side, side)
    test = steps(cfg.test_dataloader.dataset.pipeline)
    assert test['Resize'].scale == (4 * side, side)
    assert test['Resize'].keep_ratio
    model = cfg.model
    assert model.data_preprocessor.size == (side, side)
    # Two thirds of a window: 341 of 512, 426 of 640.
    assert model.test_cfg == dict(
        mode='slide', crop_size=(side, side), stride=(side * 2 // 3, ) * 2)
    for head in (model.decode_head, model.auxiliary_head):
        assert head.num_classes == 150
        assert head.norm_cfg.type == 'SyncBN'


@pytest.mark.parametrize('name', ROWS)
def test_rates_and_drop_path_of_the_model(name):
    row, cfg = ROWS[name], load(name)
    avoid_amp_on_cpu(cfg, lambda text: None)
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    rates = {
        id(param): group['lr']
        for group in wrapper.optimizer.param_groups
        for param in group['params']
    }
    stem = rates[id(model.backbone.downsample_layers[0][0].weight)]
    assert math.isclose(stem, 1e-4 * row.stem)
    assert rates[id(model.decode_head.conv_seg.weight)] == 1e-4
    blocks = [
        m for m in model.backbone.modules() if isinstance(m, ConvNeXtV2Block)
    ]
    assert math.isclose(
        blocks[-1].drop_path.drop_prob, row.drop_path, rel_tol=1e-6)


@pytest.mark.parametrize('name', ['v2_b', 'v2_h_640'])
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
    sides = [int(side_of(name) * x) for x in (0.75, 0.875, 1, 1.125, 1.25)]
    assert sorted(found) == sorted(((side, side * 3 // 2), flip)
                                   for side in sides
                                   for flip in (False, True))
    # Annotations are neither resized nor mirrored; label 1 is class 0.
    for sample in seen['data_samples']:
        assert sample.gt_sem_seg.data.shape == (1, 100, 150)
        assert not sample.gt_sem_seg.data.any()


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('upernet_*.py')),
                         ids=lambda path: path.stem)
def test_leaves_are_short(path):
    assert len(path.read_text().splitlines()) <= _MAX_LINES
