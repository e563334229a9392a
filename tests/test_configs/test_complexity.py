"""Multiply-adds of the parts of detectors at 1280x800 and of a segmentor.

Those of whole models are compared with the metafiles, and these with papers.
"""
from functools import partial

import pytest
import torch
from config_run import CONFIGS
from mmdet.structures import DetDataSample
from mmengine.analysis import FlopAnalyzer
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2.analysis.complexity import count_complexity

_SIZE = (800, 1280)
_B = 'maskrcnn_convnextv2_b_coco'
_B_PRODUCTS = 485.31


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


@pytest.mark.parametrize('name, parts', [
    (_B, {
        'backbone': 313.34,
        'neck': 54.07,
        'rpn_head': 50.62,
        'roi_head.bbox_head': 14.30,
        'roi_head.mask_head': 52.99,
    }),
    ('cascade_maskrcnn_convnextv1_t_coco', {
        'backbone': 90.91,
        'neck': 53.08,
        'rpn_head': 50.62,
        'roi_head.bbox_head': 386.58,
        'roi_head.mask_head': 158.96,
    }),
])
def test_parts(name, parts):
    found = count_complexity(load(name), _SIZE)
    assert {k: round(v / 1e9, 2) for k, v in found.by_part.items()} == parts
    assert sum(found.by_part.values()) == found.multiply_adds


def test_masks_are_counted_as_many_as_results():
    cfg = load('cascade_maskrcnn_convnextv1_t_coco')
    cfg.model.test_cfg.rcnn.max_per_img = 1000
    # What mmdet's forward, and so its get_flops.py, comes to.
    found = count_complexity(cfg, _SIZE)
    assert round(found.multiply_adds / 1e9) == 2171
    assert round(found.by_part['roi_head.mask_head'] / 1e9, 1) == 1589.6


@pytest.mark.slow
def test_as_get_flops_counts():
    cfg = load(_B)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model).eval()
    image = torch.randn(1, 3, *_SIZE)
    sample = DetDataSample(metainfo=dict(img_shape=_SIZE))
    model.forward = partial(model.forward, data_samples=[sample])
    analyzer = FlopAnalyzer(model, (image, )).unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    with torch.no_grad():
        total, by_operator = analyzer.total(), analyzer.by_operator()
    # What it counts beyond the products is in their shadow.
    assert round((by_operator['conv'] + by_operator['linear']) / 1e9,
                 2) == _B_PRODUCTS
    assert round(total / 1e9, 2) == 486.00


def test_the_auxiliary_head_is_not_in_the_multiply_adds():
    cfg = load('upernet_convnextv2_b_ade20k')
    found = count_complexity(cfg, (512, 2048))
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'):
        head = MODELS.build(cfg.model.auxiliary_head).eval()
        feats = [torch.empty(1, 512, 32, 128)] * 3
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        head(feats)
    # ConvNeXt V2, Table 7: in the published parameters, not in the
    # published multiply-adds.
    assert round(counter.get_total_flops() / 2e9, 2) == 4.99
    assert sum(p.numel() for p in head.parameters()) == 1218710
    assert not any('auxiliary' in part for part in found.by_part)


@pytest.mark.slow
@pytest.mark.parametrize('name, size, printed, parameters', [
    ('maskrcnn_swin_b_simmim_coco', _SIZE, 497, None),
    ('maskrcnn_swin_l_simmim_coco', _SIZE, 904, None),
    ('upernet_swin_b_simmim_ade20k', (512, 2048), 1181, 121),
    ('upernet_swin_l_simmim_ade20k', (512, 2048), 1601, 234),
])
def test_swin_as_printed_without_attentions_products(name, size, printed,
                                                     parameters):
    cfg = load(f'baselines/{name}')
    with FlopCounterMode(display=False) as counter:
        found = count_complexity(cfg, size)
    attention = counter.flop_counts['Global'][torch.ops.aten.bmm] // 2
    assert (found.multiply_adds - attention) / 1e9 == pytest.approx(
        printed, rel=2.5e-3)
    if parameters:
        assert round(found.parameters / 1e6) == parameters
