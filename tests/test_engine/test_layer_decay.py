"""Layer decay: every parameter once, with the rate of its layer."""
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from param_settings import LR, build, lr_scales, param_settings
from strategies import arguments
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.backbones.layer_ids import LAYER_ID_RULES, find_layer

ARCH = dict(depths=(1, 2, 4, 2), channels=(4, 8, 8, 8))


@pytest.mark.parametrize('decay_type', ['layer_wise', 'group_wise'])
@pytest.mark.parametrize(('size', 'rate', 'stem'), [
    ('nano', 0.9, dict(layer_wise=0.9**14, group_wise=0.9**7)),
    ('tiny', 0.9, dict(layer_wise=0.9**18, group_wise=0.9**7)),
    ('base', 0.95, dict(layer_wise=0.95**36, group_wise=0.95**13)),
])
def test_scale_of_every_parameter(size, rate, stem, decay_type):
    with torch.device('meta'):
        model = nn.ModuleDict(dict(
            backbone=ConvNeXtV2(size, out_indices=(0, 1, 2, 3)),
            head=nn.Linear(2, 2)))
    depths = model['backbone'].depths
    scales = lr_scales(model, decay_rate=rate, decay_type=decay_type)
    assert set(scales) == {name for name, _ in model.named_parameters()}
    assert scales['backbone.downsample_layers.0.0.weight'] == pytest.approx(
        stem[decay_type])
    for name, scale in scales.items():
        # Typed from the paper in test_layer_ids.py, for these depths too.
        inside = name.partition('backbone.')[2] or None
        exponent = find_layer(decay_type, inside, depths).exponent
        assert scale == pytest.approx(rate**exponent), name


def test_stage_wise_on_the_first_convnexts_base():
    with torch.device('meta'):
        model = ConvNeXtV2('base', use_grn=False, layer_scale_init_value=1e-6)
    scales = lr_scales(model, decay_rate=0.9, decay_type='stage_wise')
    for name, exponent in (('stages.3.0.gamma', 9), ('stages.0.2.gamma', 12),
                           ('downsample_layers.3.1.weight', 13),
                           ('norm3.weight', 0)):
        assert scales[name] == pytest.approx(0.9**exponent), name


def _position(name):
    """Where a parameter of the stages lies: stage, block; stem before all."""
    kind, stage, block = name.split('.')[1:4]
    before = kind == 'downsample_layers'
    return int(stage), -1 if before else int(block)


@given(
    cfg=arguments(max_depth=4, widths=(1, 3)),
    decay_type=st.sampled_from(list(LAYER_ID_RULES)),
    decay_rate=st.sampled_from([0.5, 0.9, 1.]))
def test_every_parameter_once(cfg, decay_type, decay_rate):
    model = nn.ModuleDict(
        dict(backbone=ConvNeXtV2(**cfg), head=nn.Linear(2, 2)))
    optim_wrapper = build(model, decay_type=decay_type, decay_rate=decay_rate)
    counts = Counter(
        id(param) for group in optim_wrapper.optimizer.param_groups
        for param in group['params'])
    trained = [p for p in model.parameters() if p.requires_grad]
    assert counts == Counter(id(p) for p in trained)
    rates = {name: lr for name, (lr, _) in param_settings(
        model, optim_wrapper).items()}
    assert set(rates) == {
        n for n, p in model.named_parameters() if p.requires_grad}
    inside = {k: lr for k, lr in rates.items() if k.startswith((
        'backbone.stages', 'backbone.downsample_layers'))}
    assert all(
        (lr == LR) for name, lr in rates.items() if name not in inside)
    assert all(0 < lr <= LR for lr in inside.values())
    blocks = sorted((_position(name), lr) for name, lr in inside.items()
                    if name.startswith('backbone.stages'))
    assert [lr for _, lr in blocks] == sorted(lr for _, lr in blocks)
