"""The README's lines in configs of other packages: build, and train a step."""
from pathlib import Path

import mmdet
import mmpretrain
import mmseg
import pytest
import torch
from mmdet.testing import demo_mm_inputs
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import PixelData
from mmpretrain.structures import DataSample
from mmseg.structures import SegDataSample
from readme_snippets import inline_code, python_blocks

from mmconvnextv2 import ConvNeXtV2

_TITLE = 'In a project that you have'
_SIZE = 64


def stock(package, config):
    return Path(package.__file__).parent / '.mim' / 'configs' / config


def for_mmdet():
    return python_blocks(_TITLE)[0]


def for_mmseg():
    """The lines for mmdet, with what mmseg needs in the neck's place."""
    settings = inline_code(_TITLE, 'In an mmseg config the same, with')
    neck = 'neck=dict(in_channels=[96, 192, 384, 768])'
    lines = for_mmdet()
    assert lines.count(neck) == 1 and len(settings) >= 2
    return lines.replace(neck, ', '.join(settings))


def dropped_into(package, config, lines, folder):
    """Config of another package with lines added."""
    file = folder / 'changed.py'
    file.write_text(f"_base_ = '{stock(package, config)}'\n{lines}")
    return Config.fromfile(file)


def images():
    return [
        torch.randint(256, (3, _SIZE, _SIZE), dtype=torch.uint8)
        for _ in range(2)
    ]


def detections(num_classes):
    return demo_mm_inputs(
        2, [(3, _SIZE, _SIZE)] * 2, num_classes=num_classes, with_mask=True)


def segmentations():
    maps = [
        PixelData(data=torch.randint(19, (1, _SIZE, _SIZE))) for _ in range(2)
    ]
    meta = dict(img_shape=(_SIZE, _SIZE), ori_shape=(_SIZE, _SIZE))
    return dict(
        inputs=images(),
        data_samples=[
            SegDataSample(metainfo=meta, gt_sem_seg=x) for x in maps
        ])


def classifications():
    return dict(
        inputs=torch.stack(images()),
        data_samples=[DataSample().set_gt_label(i) for i in range(2)])


def train_step(cfg, scope, data):
    """Build, and train one step; returns the model and its losses."""
    with DefaultScope.overwrite_default_scope(scope):
        # As the runner does; mmpretrain's configs have it apart.
        if 'data_preprocessor' in cfg:
            cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
        # A user without a GPU, or with one only, does the same.
        model = revert_sync_batchnorm(MODELS.build(cfg.model))
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    model.train()
    before = [p.detach().clone() for p in model.backbone.parameters()]
    losses = model.train_step(data, wrapper)
    after = list(model.backbone.parameters())
    moved = [not x.equal(y) for x, y in zip(before, after)]
    assert all(torch.isfinite(x).all() for x in after)
    return model, losses, moved


@pytest.mark.parametrize('config', [
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py',
    'retinanet/retinanet_r50_fpn_1x_coco.py',
])
def test_mmdet(tmp_path, config):
    cfg = dropped_into(mmdet, config, for_mmdet(), tmp_path)
    model, losses, moved = train_step(cfg, 'mmdet', detections(80))
    check(model, losses, moved)
    assert len(model.extract_feat(torch.rand(1, 3, _SIZE, _SIZE))) == 5


def test_mmseg(tmp_path):
    cfg = dropped_into(
        mmseg, 'upernet/upernet_r50_4xb4-160k_ade20k-512x512.py',
        for_mmseg(), tmp_path)
    # It pads to its crop of 512 pixels, which takes a minute.
    cfg.model.data_preprocessor.size = (_SIZE, _SIZE)
    model, losses, moved = train_step(cfg, 'mmseg', segmentations())
    check(model, losses, moved)
    assert {'decode.loss_ce', 'aux.loss_ce'} <= set(losses)


CLASSIFIER = '''
custom_imports = dict(imports=['mmconvnextv2'], allow_failed_imports=False)
model = dict(backbone=dict(type='mmconvnextv2.ConvNeXtV2'))
'''


def test_type_of_mmpretrains_convnext_is_changed(tmp_path):
    cfg = dropped_into(mmpretrain,
                       'convnext/convnext-tiny_32xb128_in1k.py', CLASSIFIER,
                       tmp_path)
    model, losses, moved = train_step(cfg, 'mmpretrain', classifications())
    check(model, losses, moved)
    assert model.backbone(torch.rand(1, 3, 64, 64))[0].shape == (1, 768)


def check(model, losses, moved):
    assert isinstance(model.backbone, ConvNeXtV2)
    assert type(model.backbone).__module__.startswith('mmconvnextv2.')
    assert losses
    for name, value in losses.items():
        assert torch.isfinite(value).all(), name
    assert sum(moved) > len(moved) * 0.9
