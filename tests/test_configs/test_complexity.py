"""Multiply-adds of the detector at 1280x800 (ConvNeXt V2, Table 6).

Counted twice: fast, without values, and as mmdet's get_flops.py counts.
"""
from functools import partial

import pytest
import torch
from config_run import CONFIGS
from mmdet.structures import DetDataSample
from mmengine.analysis import FlopAnalyzer
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData
from torch.utils.flop_counter import FlopCounterMode

_PUBLISHED = 486e9
# Of products alone, in billions; the heads for 1000 boxes and 100 masks.
_PRODUCTS = {
    'backbone': 313.34,
    'neck': 54.07,
    'rpn_head': 50.62,
    'roi_head.bbox_head': 14.30,
    'roi_head.mask_head': 52.99,
}
_NUM_PROPOSALS = 1000


def build(device):
    cfg = Config.fromfile(CONFIGS / 'maskrcnn_convnextv2_b_coco.py')
    with DefaultScope.overwrite_default_scope('mmdet'), torch.device(device):
        model = MODELS.build(cfg.model).eval()
        image = torch.zeros(1, 3, 800, 1280)
    sample = DetDataSample(metainfo=dict(img_shape=image.shape[2:]))
    model.forward = partial(model.forward, data_samples=[sample])
    return model, image


def without_values(model, monkeypatch):
    """Stand-ins for what depends on values: proposals and their features."""

    def predict(feats, samples, rescale):
        model.rpn_head(feats)
        boxes = torch.zeros(_NUM_PROPOSALS, 4, device='meta')
        return [InstanceData(bboxes=boxes)]

    def pool(extractor, feats, rois):
        size = extractor.roi_layers[0].output_size
        return feats[0].new_empty(len(rois), extractor.out_channels, *size)

    monkeypatch.setattr(model.rpn_head, 'predict', predict)
    for name in ('bbox_roi_extractor', 'mask_roi_extractor'):
        extractor = getattr(model.roi_head, name)
        monkeypatch.setattr(extractor, 'forward', partial(pool, extractor))


def test_products(monkeypatch):
    model, image = build('meta')
    without_values(model, monkeypatch)
    with torch.no_grad(), FlopCounterMode(display=False, depth=3) as counter:
        model(image)
    # The counter has two operations for each multiply-add.
    total = counter.get_total_flops() / 2
    assert abs(total / _PUBLISHED - 1) < 0.01
    counts = counter.get_flop_counts()
    found = {
        name: round(sum(counts[f'MaskRCNN.{name}'].values()) / 2e9, 2)
        for name in _PRODUCTS
    }
    assert found == _PRODUCTS
    assert round(total / 1e9, 2) == 485.31


@pytest.mark.slow
def test_as_get_flops_counts():
    model, image = build('cpu')
    torch.nn.init.normal_(image)
    analyzer = FlopAnalyzer(model, (image, )).unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    with torch.no_grad():
        total, by_operator = analyzer.total(), analyzer.by_operator()
    assert abs(total / _PUBLISHED - 1) < 0.01
    # What it counts beyond the products is in their shadow.
    assert round((by_operator['conv'] + by_operator['linear']) / 1e9,
                 2) == 485.31
    assert round(total / 1e9, 2) == 486.00
