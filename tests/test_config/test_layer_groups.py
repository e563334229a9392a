import pytest

from mmconvnextv2.config.layer_groups import decay_rule, layer_groups


def config(arch, **options):
    return dict(
        model=dict(backbone=dict(arch=arch)),
        optim_wrapper=dict(
            constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
            paramwise_cfg=options))


def test_a_block_each():
    groups = layer_groups(
        config(dict(depths=[1, 2], channels=[4, 8]), decay_rate=0.5))
    assert groups == [
        (1, 0.125, 'stem, stage 0 block 0'),
        (2, 0.25, 'downsampling 1, stage 1 block 0'),
        (3, 0.5, 'stage 1 block 1'),
        (4, 1., 'norms, neck, heads'),
    ]


def test_groups_of_three():
    groups = layer_groups(
        config('tiny', decay_rate=0.5, decay_type='group_wise'))
    assert [group[2] for group in groups] == [
        'stem',
        'stage 0 blocks 0-2',
        'downsampling 1, stage 1 blocks 0-2',
        'downsampling 2, stage 2 blocks 0-2',
        'stage 2 blocks 3-5',
        'stage 2 blocks 6-8',
        'downsampling 3, stage 3 blocks 0-2',
        'norms, neck, heads',
    ]
    assert [group.scale for group in groups] == [
        0.5**i for i in range(7, -1, -1)
    ]


def test_ids_without_a_layer_are_left_out():
    groups = layer_groups(
        config('base', decay_rate=0.9, decay_type='stage_wise'))
    assert [group.layer_id for group in groups] == [0, 1, 2, 3, 4, 13]
    assert groups[0].members == ('stem, downsampling 1, downsampling 2, '
                                 'downsampling 3')
    assert groups[4].scale == pytest.approx(0.9**9)


@pytest.mark.parametrize('wrapper', [
    dict(),
    dict(constructor='LearningRateDecayOptimizerConstructor',
         paramwise_cfg=dict(decay_rate=0.9)),
    dict(constructor='LayerDecayOptimWrapperConstructor',
         paramwise_cfg=dict(decay_rate=1.)),
])
def test_no_decay_of_ours(wrapper):
    cfg = dict(model=dict(backbone=dict()), optim_wrapper=wrapper)
    assert decay_rule(cfg) is None
    assert layer_groups(cfg) == []
