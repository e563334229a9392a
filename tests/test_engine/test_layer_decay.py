import re

import pytest
import torch
from param_settings import LR, build, param_settings
from torch import nn

from mmconvnextv2 import ConvNeXtV2

ARCH = dict(depths=(1, 2, 4, 2), channels=(4, 8, 8, 8))


def model_with(**children):
    model = nn.Module()
    for name, child in children.items():
        model.add_module(name, child)
    return model


def backbone():
    return ConvNeXtV2(ARCH)


def lr_scales(model, **paramwise_cfg):
    settings = param_settings(model, build(model, **paramwise_cfg))
    return {name: lr / LR for name, (lr, _) in settings.items()}


def expected_exponent(name, depths, decay_type):
    """The paper's rules, counted from the output side."""
    kind, *rest = name.split('.')
    if kind not in ('stages', 'downsample_layers'):
        return 0
    stage, block = int(rest[0]), int(rest[1]) if kind == 'stages' else 0
    if decay_type == 'layer_wise':
        return sum(depths[stage:]) - block
    groups = 9 if depths[2] > 9 else 3
    if kind == 'downsample_layers' and stage == 0:
        return groups + 4
    return (groups + 3, groups + 2, groups + 1 - block // 3, 1)[stage]


@pytest.mark.parametrize('decay_type', ['layer_wise', 'group_wise'])
@pytest.mark.parametrize(('size', 'rate', 'stem'), [
    ('nano', 0.9, dict(layer_wise=0.9**14, group_wise=0.9**7)),
    ('tiny', 0.9, dict(layer_wise=0.9**18, group_wise=0.9**7)),
    ('base', 0.95, dict(layer_wise=0.95**36, group_wise=0.95**13)),
])
def test_scale_of_every_parameter(size, rate, stem, decay_type):
    with torch.device('meta'):
        model = model_with(
            backbone=ConvNeXtV2(size, out_indices=(0, 1, 2, 3)),
            head=nn.Linear(2, 2))
    depths = model.backbone.depths
    scales = lr_scales(model, decay_rate=rate, decay_type=decay_type)
    assert set(scales) == {name for name, _ in model.named_parameters()}
    assert scales['backbone.downsample_layers.0.0.weight'] == pytest.approx(
        stem[decay_type])
    for name, scale in scales.items():
        exponent = expected_exponent(
            name.removeprefix('backbone.'), depths, decay_type)
        assert scale == pytest.approx(rate**exponent), name


def test_stage_wise_on_the_first_convnexts_base():
    with torch.device('meta'):
        model = ConvNeXtV2('base', use_grn=False, layer_scale_init_value=1e-6)
    scales = lr_scales(model, decay_rate=0.9, decay_type='stage_wise')
    for name, exponent in (('stages.3.0.gamma', 9), ('stages.0.2.gamma', 12),
                           ('downsample_layers.3.1.weight', 13),
                           ('norm3.weight', 0)):
        assert scales[name] == pytest.approx(0.9**exponent), name


def test_several_backbones_follow_their_own_depths():
    other = ConvNeXtV2(dict(depths=(1, 3), channels=(4, 8)))
    scales = lr_scales(model_with(a=backbone(), b=other), decay_rate=0.5)
    assert scales['a.downsample_layers.0.0.bias'] == 0.5**9
    assert scales['b.downsample_layers.0.0.bias'] == 0.5**4
    assert scales['b.stages.1.2.norm.bias'] == 0.5


def test_frozen_parameters_are_left_out():
    model = ConvNeXtV2(ARCH, frozen_stages=2)
    settings = param_settings(model, build(model, decay_rate=0.5))
    assert set(settings) == {
        n for n, p in model.named_parameters() if p.requires_grad
    }
    assert not any(re.match(r'\w+\.[01]\.', name) for name in settings)
