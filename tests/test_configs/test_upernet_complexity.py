"""Parameters and multiply-adds of UperNet (ConvNeXt V2, Table 7)."""
import pytest
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2.analysis.complexity import count_complexity

_AT_512, _AT_640 = (512, 2048), (640, 2560)  # height, width
# Config: size of the image, parameters in millions and multiply-adds in
# billions as published.
PUBLISHED = {
    'upernet_convnextv2_b_ade20k': (_AT_512, 122, 1170),
    'upernet_convnextv2_l_ade20k': (_AT_512, 235, 1573),
    'upernet_convnextv2_h_ade20k': (_AT_512, 707, 3272),
    'upernet_convnextv2_h_640_ade20k': (_AT_640, 707, 5113),
    'upernet_convnextv1_b_ade20k': (_AT_512, 122, 1170),
    'upernet_convnextv1_l_ade20k': (_AT_512, 235, 1573),
}
# As we count, products alone and without the auxiliary head.
COUNTED = {
    'upernet_convnextv2_b_ade20k': 1169.34,
    'upernet_convnextv2_l_ade20k': 1572.72,
    'upernet_convnextv2_h_ade20k': 3271.72,
    'upernet_convnextv2_h_640_ade20k': 5112.02,
    'upernet_convnextv1_b_ade20k': 1169.34,
    'upernet_convnextv1_l_ade20k': 1572.72,
}


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


@pytest.mark.parametrize('name', PUBLISHED)
def test_as_published(name):
    size, parameters, multiply_adds = PUBLISHED[name]
    found = count_complexity(load(name), size)
    assert found.parameters / 1e6 == pytest.approx(parameters, rel=0.01)
    assert found.multiply_adds / 1e9 == pytest.approx(multiply_adds, rel=0.01)
    assert round(found.multiply_adds / 1e9, 2) == COUNTED[name]


def test_the_auxiliary_head_is_not_in_the_multiply_adds():
    cfg = load('upernet_convnextv2_b_ade20k')
    found = count_complexity(cfg, _AT_512)
    with DefaultScope.overwrite_default_scope('mmseg'), torch.device('meta'):
        head = MODELS.build(cfg.model.auxiliary_head).eval()
        feats = [torch.empty(1, 512, 32, 128)] * 3
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        head(feats)
    # In the published parameters, not in the published multiply-adds.
    assert round(counter.get_total_flops() / 2e9, 2) == 4.99
    assert sum(p.numel() for p in head.parameters()) == 1218710
    assert not any('auxiliary' in part for part in found.by_part)
