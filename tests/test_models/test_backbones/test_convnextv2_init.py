"""The backbone's weights: as first drawn, and as loaded."""
import pytest
import torch
from scipy import stats
from torch import nn

from mmconvnextv2 import ConvNeXtV2


@pytest.mark.parametrize('kind, count', [(nn.Conv2d, 360_880),
                                         (nn.Linear, 2_995_200)])
def test_initial_weights_follow_the_official_distribution(kind, count):
    model = ConvNeXtV2('atto')
    model.init_weights()
    weights = torch.cat([
        m.weight.detach().flatten() for m in model.modules()
        if isinstance(m, kind)]).numpy()
    assert len(weights) == count
    assert abs(weights).max() < 7 * .02
    # Cut off at +-2, a hundred standard deviations, as in the official code.
    official = stats.truncnorm(-100, 100, scale=.02)
    assert stats.kstest(weights, official.cdf).pvalue > 0.01
    for other in (stats.truncnorm(-2, 2, scale=.02), stats.norm(scale=.0204)):
        assert stats.kstest(weights, other.cdf).pvalue < 0.01


def test_other_initial_values():
    model = ConvNeXtV2('atto', out_indices=(0, 1, 2, 3))
    for p in model.parameters():
        if p.ndim == 1:
            nn.init.constant_(p, 3.)
    model.init_weights()
    for name, p in ConvNeXtV2('atto').named_parameters():
        if 'grn' in name:
            assert (p == 0).all()
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            assert (module.weight == 1).all(), name
        if isinstance(module, (nn.LayerNorm, nn.Conv2d, nn.Linear)):
            assert (module.bias == 0).all(), name
