"""Layer decay in models of other packages, and their constructors."""
import re

import mmdet.engine  # noqa: F401
import mmpretrain.engine  # noqa: F401
import mmseg.engine  # noqa: F401
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models import ConvNeXt, ImageClassifier
from param_settings import (
    LR,
    WEIGHT_DECAY,
    build,
    lr_scales,
    param_settings,
)
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
)

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers import ConvNeXtV2Block

ARCH = dict(depths=(1, 2, 4, 2), channels=(4, 8, 8, 8))


def checkpointed():
    model = nn.Sequential(ConvNeXtV2(ARCH))
    apply_activation_checkpointing(
        model, check_fn=lambda m: isinstance(m, ConvNeXtV2Block))
    return model


def stages_compiled():
    model = backbone()
    for i, stage in enumerate(model.stages):
        model.stages[i] = torch.compile(stage)
    return model


def inside(**children):
    return nn.ModuleDict(children)


def backbone():
    return ConvNeXtV2(ARCH)


@pytest.mark.parametrize('make_model', [
    backbone, checkpointed, stages_compiled,
    lambda: inside(detector=inside(backbone=backbone())),
    lambda: inside(module=inside(backbone=backbone())),
    lambda: torch.compile(backbone()),
])
def test_backbone_is_found_wherever_it_sits(make_model):
    model = make_model()
    # From the second block of the third stage on there are five blocks.
    scales = lr_scales(model, decay_rate=0.5)
    found = [
        scale for name, scale in scales.items()
        if re.search(r'stages\.2\..*\b1\..*pointwise_conv1\.weight', name)
    ]
    assert found == [0.5**5]
    outside = [n for n in scales if not re.search('stages|downsample', n)]
    assert outside
    assert {scales[name] for name in outside} == {1}


# The third stage is longer than nine blocks in one of them.
DEPTHS = [(1, 2, 4, 2), (1, 1, 13, 1)]
BACKBONES = {
    'ours': lambda arch: ConvNeXtV2(arch, out_indices=(0, 1, 2, 3)),
    'theirs': lambda arch: ConvNeXt(
        arch, out_indices=[0, 1, 2, 3], use_grn=True,
        layer_scale_init_value=0.),
}


def arch(depths):
    return dict(depths=depths, channels=(4, 8, 8, 8))


def detector(backbone):
    model = nn.Module()
    model.backbone = backbone
    model.neck = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
    return model


def image_classifier(backbone):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return ImageClassifier(
            backbone,
            head=dict(type='LinearClsHead', num_classes=3, in_channels=8))


def both(wrap, depths, constructor, **options):
    results = []
    for build_backbone in BACKBONES.values():
        model = wrap(build_backbone(arch(depths)))
        results.append(
            param_settings(model, build(model, constructor, **options)))
    return results


@pytest.mark.parametrize('depths', DEPTHS)
@pytest.mark.parametrize('decay_type', ['layer_wise', 'stage_wise'])
@pytest.mark.parametrize('package', ['mmdet', 'mmseg'])
def test_constructors_of_mmdet_and_mmseg(package, decay_type, depths):
    num_layers = 12 if depths[2] > 9 else 6
    ours, theirs = both(
        detector, depths, f'{package}.LearningRateDecayOptimizerConstructor',
        decay_rate=0.9, decay_type=decay_type, num_layers=num_layers)
    assert ours == theirs
    # The fourth block of the third stage: id 4, or stage id 3.
    exponent = num_layers + 1 - {'layer_wise': 4, 'stage_wise': 3}[decay_type]
    assert ours['backbone.stages.2.3.grn.gamma'] == (
        pytest.approx(LR * 0.9**exponent), 0)


@pytest.mark.parametrize('depths', DEPTHS)
def test_constructor_of_mmpretrain(depths):
    ours, theirs = both(
        image_classifier, depths,
        'mmpretrain.LearningRateDecayOptimWrapperConstructor',
        layer_decay_rate=0.9, norm_decay_mult=0., flat_decay_mult=0.,
        custom_keys={'head': dict(decay_mult=2.)})
    assert ours == theirs
    assert ours['backbone.stages.2.3.grn.gamma'] == (
        pytest.approx(LR * 0.9**(9 if depths[2] > 9 else 3)), 0)
    assert ours['head.fc.weight'] == (LR, 2 * WEIGHT_DECAY)


@pytest.mark.parametrize(('decay_type', 'their_type'),
                         [('group_wise', 'layer_wise'),
                          ('stage_wise', 'stage_wise')])
@pytest.mark.parametrize('depths', DEPTHS)
@pytest.mark.parametrize('build_backbone', BACKBONES.values(), ids=BACKBONES)
def test_our_constructor_gives_what_mmdet_gives(build_backbone, depths,
                                                decay_type, their_type):
    model = detector(build_backbone(arch(depths)))
    ours = param_settings(
        model, build(model, decay_rate=0.9, decay_type=decay_type))
    theirs = param_settings(
        model,
        build(
            model, 'mmdet.LearningRateDecayOptimizerConstructor',
            decay_rate=0.9, decay_type=their_type,
            num_layers=12 if depths[2] > 9 else 6))
    assert ours == theirs
