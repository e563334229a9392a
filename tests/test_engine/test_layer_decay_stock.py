"""The constructors of other packages treat our backbone as mmpretrain's."""
import mmdet.engine  # noqa: F401
import mmpretrain.engine  # noqa: F401
import mmseg.engine  # noqa: F401
import pytest
from mmengine.registry import DefaultScope
from mmpretrain.models import ConvNeXt, ImageClassifier
from param_settings import LR, WEIGHT_DECAY, build, param_settings
from torch import nn

from mmconvnextv2 import ConvNeXtV2

# The third stage is longer than nine blocks in one of them.
DEPTHS = [(1, 2, 4, 2), (1, 1, 13, 1)]
BACKBONES = {
    'ours': lambda arch: ConvNeXtV2(arch, out_indices=(0, 1, 2, 3)),
    'theirs': lambda arch: ConvNeXt(
        arch,
        out_indices=[0, 1, 2, 3],
        use_grn=True,
        layer_scale_init_value=0.),
}


def arch(depths):
    return dict(depths=depths, channels=(4, 8, 8, 8))


def detector(backbone):
    model = nn.Module()
    model.backbone = backbone
    model.neck = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
    return model


def classifier(backbone):
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
        detector,
        depths,
        f'{package}.LearningRateDecayOptimizerConstructor',
        decay_rate=0.9,
        decay_type=decay_type,
        num_layers=num_layers)
    assert ours == theirs
    # The fourth block of the third stage: id 4, or stage id 3.
    exponent = num_layers + 1 - {'layer_wise': 4, 'stage_wise': 3}[decay_type]
    assert ours['backbone.stages.2.3.grn.gamma'] == (
        pytest.approx(LR * 0.9**exponent), 0)


@pytest.mark.parametrize('depths', DEPTHS)
def test_constructor_of_mmpretrain(depths):
    ours, theirs = both(
        classifier,
        depths,
        'mmpretrain.LearningRateDecayOptimWrapperConstructor',
        layer_decay_rate=0.9,
        norm_decay_mult=0.,
        flat_decay_mult=0.,
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
            model,
            'mmdet.LearningRateDecayOptimizerConstructor',
            decay_rate=0.9,
            decay_type=their_type,
            num_layers=12 if depths[2] > 9 else 6))
    assert ours == theirs
