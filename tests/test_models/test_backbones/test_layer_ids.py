import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpretrain.models import ConvNeXt

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.backbones.layer_ids import (
    LAYER_ID_RULES,
    find_layer,
)

TINY, BASE, NANO = (3, 3, 9, 3), (3, 3, 27, 3), (2, 2, 8, 2)

# Powers of the decay rate, typed from the paper's rules: those of the stem and
# the downsampling layers, then of each block, stage by stage.
EXPONENTS = {
    ('layer_wise', NANO): ([14, 12, 10, 2], [14, 13], [12, 11],
                           [10, 9, 8, 7, 6, 5, 4, 3], [2, 1]),
    ('layer_wise', TINY): ([18, 15, 12, 3], [18, 17, 16], [15, 14, 13],
                           [12, 11, 10, 9, 8, 7, 6, 5, 4], [3, 2, 1]),
    ('layer_wise', BASE): ([36, 33, 30, 3], [36, 35, 34], [33, 32, 31],
                           list(range(30, 3, -1)), [3, 2, 1]),
    ('group_wise', NANO): ([7, 5, 4, 1], [6, 6], [5, 5],
                           [4, 4, 4, 3, 3, 3, 2, 2], [1, 1]),
    ('group_wise', TINY): ([7, 5, 4, 1], [6, 6, 6], [5, 5, 5],
                           [4, 4, 4, 3, 3, 3, 2, 2, 2], [1, 1, 1]),
    ('group_wise', BASE): ([13, 11, 10, 1], [12, 12, 12], [11, 11, 11], [
        10, 10, 10, 9, 9, 9, 8, 8, 8, 7, 7, 7, 6, 6, 6, 5, 5, 5, 4, 4, 4, 3, 3,
        3, 2, 2, 2
    ], [1, 1, 1]),
    ('group_wise_12', TINY): ([13, 11, 10, 1], [12] * 3, [11] * 3,
                              [10, 10, 10, 9, 9, 9, 8, 8, 8], [1, 1, 1]),
    ('stage_wise', NANO): ([7] * 4, [6] * 2, [5] * 2, [4] * 8, [3] * 2),
    ('stage_wise', TINY): ([7] * 4, [6] * 3, [5] * 3, [4] * 9, [3] * 3),
    ('stage_wise', BASE): ([13] * 4, [12] * 3, [11] * 3, [10] * 27, [9] * 3),
}


def exponent(decay_type, name, depths):
    return find_layer(decay_type, name, depths).exponent


@pytest.mark.parametrize(('decay_type', 'depths'), EXPONENTS)
def test_exponents_are_those_of_the_paper(decay_type, depths):
    downsampling, *stages = EXPONENTS[decay_type, depths]
    for i, expected in enumerate(downsampling):
        for leaf in ('0.weight', '1.bias'):
            name = f'downsample_layers.{i}.{leaf}'
            assert exponent(decay_type, name, depths) == expected, name
    for i, blocks in enumerate(stages):
        assert len(blocks) == depths[i]
        for j, expected in enumerate(blocks):
            name = f'stages.{i}.{j}.grn.gamma'
            assert exponent(decay_type, name, depths) == expected, name
    for name in ('norm0.weight', 'norm3.bias', 'mask_token', None):
        assert exponent(decay_type, name, depths) == 0, name


@pytest.mark.parametrize(('decay_type', 'name', 'depths', 'expected'), [
    ('layer_wise', 'stages.2.4.norm.bias', BASE, (11, 37, 2, 4)),
    ('group_wise', 'stages.2.4.norm.bias', BASE, (4, 13, 2, 4)),
    ('stage_wise', 'stages.2.4.norm.bias', BASE, (3, 13, 2, 4)),
    ('layer_wise', 'downsample_layers.1.0.bias', TINY, (4, 19, 1, None)),
    ('layer_wise', None, BASE, (37, 37, None, None)),
    ('group_wise', None, BASE, (13, 13, None, None)),
    ('group_wise', None, TINY, (7, 7, None, None)),
    ('stage_wise', None, TINY, (7, 7, None, None)),
])
def test_ids_as_the_official_code_counts_them(decay_type, name, depths,
                                              expected):
    assert find_layer(decay_type, name, depths) == expected


@pytest.mark.parametrize(
    'depths', [(2, 2, 6, 2), NANO, TINY, BASE, (1, 4, 10, 5), (3, 3, 1, 30)])
def test_group_wise_is_what_mmpretrain_gives(depths):
    arch = dict(depths=depths, channels=[4, 4, 4, 4])
    theirs = ConvNeXt(arch, out_indices=[0, 3], layer_scale_init_value=0.)
    ours = ConvNeXtV2(arch, out_indices=(0, 3))
    for name, _ in ours.named_parameters(prefix='backbone'):
        expected = theirs.get_layer_depth(name, 'backbone.')
        assert ours.get_layer_depth(name, 'backbone.') == expected, name
    head = 'head.fc.weight'
    assert (ours.get_layer_depth(head, 'backbone.') == theirs.get_layer_depth(
        head, 'backbone.'))


@pytest.mark.parametrize(('depths', 'ids', 'last_id'), [
    ((4, ), [0, 1, 1, 1, 1], 2),
    ((4, 2), [0, 1, 1, 1, 2, 4, 4], 5),
    ((12, 2), [0, *[1] * 3, *[2] * 3, *[3] * 3, *[4] * 3, 10, 10], 11),
    ((1, 7, 2), [0, 1, 2, 2, 2, 3, 3, 3, 4, 5, 5], 6),
    ((2, 1, 1, 1, 1), [0, 1, 1, 2, 3, 4, 7], 8),
    ((1, 1, 1, 1, 10, 1), [0, 1, 2, 3, 4, *[5] * 3, *[6] * 3, *[7] * 3, 8, 14],
     15),
    ((1, 1, 31, 1), [0, 1, 2, *(3 + b // 3 for b in range(31)), 14], 15),
])
def test_group_wise_for_other_archs(depths, ids, last_id):
    names = ['downsample_layers.0.0.weight'] + [
        f'stages.{s}.{b}.gamma' for s in range(len(depths))
        for b in range(depths[s])
    ]
    got = [find_layer('group_wise', name, depths)[:2] for name in names]
    assert got == [(i, last_id) for i in ids]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=9),
    st.sampled_from(list(LAYER_ID_RULES)))
def test_scales_rise_along_the_blocks_and_stay_below_one(depths, decay_type):
    blocks, before = [], []
    for s, depth in enumerate(depths):
        before.append(
            exponent(decay_type, f'downsample_layers.{s}.0.bias', depths))
        stage = [exponent(decay_type, f'stages.{s}.{b}.gamma', depths)
                 for b in range(depth)]
        assert before[-1] >= stage[0]
        blocks += stage
    assert blocks == sorted(blocks, reverse=True)
    assert before == sorted(before, reverse=True)
    assert blocks[-1] > exponent(decay_type, 'norm0.weight', depths) == 0


@pytest.mark.parametrize('decay_type', LAYER_ID_RULES)
@pytest.mark.parametrize('name', [
    'stages.4.0.gamma', 'stages.3.3.gamma', 'downsample_layers.4.0.bias'
])
def test_blocks_that_do_not_exist_are_refused(decay_type, name):
    message = (f"parameter '{name}' is not of a backbone with depths "
               '(3, 3, 27, 3)')
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        find_layer(decay_type, name, list(BASE))
