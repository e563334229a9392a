"""What is counted of UperNet (ConvNeXt V2, Table 7)."""
import torch
from config_run import CONFIGS
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2.analysis.complexity import count_complexity

_AT_512 = 512, 2048  # height, width


def load(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


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
