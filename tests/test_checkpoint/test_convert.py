"""The key maps: there and back, layouts, and what they refuse."""
import re
from pathlib import Path

import pytest
import torch
from checkpoint_reference import (
    ISOTROPIC,
    V1,
    as_model,
    assert_same,
    isotropic_features,
    isotropic_state,
    official_state,
    pretraining_state,
    random_backbone,
)

from mmconvnextv2.checkpoint import (
    FORMATS,
    CheckpointError,
    check,
    from_ours,
    recognise,
    to_ours,
)
from mmconvnextv2.checkpoint.layouts import from_minkowski, to_our_layout
from mmconvnextv2.models import FCMAEDecoder


@pytest.mark.parametrize('target', FORMATS)
@pytest.mark.parametrize('prefix', ['', 'module.', 'a.b.'])
def test_what_precedes_all_names_is_dropped(target, prefix):
    kwargs = V1 if target in ('torchvision', 'huggingface-dinov3') else {}
    if target == 'official-isotropic':
        kwargs = ISOTROPIC
    state = as_model(random_backbone(**kwargs), 3)
    if target == 'huggingface-dinov3':  # has no classes
        del state['head.fc.weight'], state['head.fc.bias']
    theirs = from_ours(state, target).state
    got = to_ours({prefix + name: x for name, x in theirs.items()})
    assert_same(got.state, state)


def table():
    """Rows of the formats, of which those without pairs have all blocks."""
    return '\n'.join(
        f'| {name} | {fmt.models} | '
        + ('V1 and V2 |' if 'grn' in str(fmt.network or 'grn') else 'V1 |')
        for name, fmt in FORMATS.items())


def test_docs_list_the_formats():
    page = Path(__file__).parents[2] / 'docs' / 'weights.md'
    assert f'|---|---|---|\n{table()}\n\n' in page.read_text()


def test_fcmae_there_and_back():
    state = as_model(random_backbone(final_norm=False))
    decoder = FCMAEDecoder(12, decoder_channels=5, depth=2)
    state.update({f'neck.{k}': torch.randn_like(v)
                  for k, v in decoder.state_dict().items()})
    for target in ('official', 'official-pretraining'):
        theirs = from_ours(state, target)
        assert not theirs.left_out
        assert_same(to_ours(theirs.state).state, state)
    expected = pretraining_state(state)
    assert_same(theirs.state, expected)
    assert_same(to_ours(expected).state, state)
    assert check(state).decoder


def test_official_names():
    state = as_model(random_backbone(), 3)
    expected = official_state(state)
    assert expected['stages.1.2.grn.gamma'].shape == (1, 1, 1, 24)
    assert_same(from_ours(state, 'official').state, expected)
    assert_same(to_ours(expected).state, state)


@pytest.mark.parametrize('kwargs', [ISOTROPIC, dict(ISOTROPIC, **V1)])
def test_isotropic_names_and_features(kwargs):
    backbone = random_backbone(**kwargs)
    state = as_model(backbone, 3)
    theirs = isotropic_state(state)
    assert_same(from_ours(state, 'official-isotropic').state, theirs)
    assert recognise(theirs).format == 'official-isotropic'
    got = to_ours(theirs)
    assert not got.left_out
    assert_same(got.state, state)
    assert check(got.state).backbone['stem_norm'] is False
    if 'use_grn' in kwargs:
        images = torch.randn(2, 3, 32, 48)
        with torch.no_grad():
            torch.testing.assert_close(
                backbone(images)[0], isotropic_features(theirs, images),
                rtol=1e-5, atol=1e-5)


def test_isotropic_names_have_no_place_for_stages():
    with pytest.raises(CheckpointError, match='has no place for'):
        from_ours(as_model(random_backbone()), 'official-isotropic')


def test_official_grn_of_any_shape():
    # The authors' files have (1, 1, 1, 4C) or (1, 4C).
    state = as_model(random_backbone())
    theirs = {
        name: x.reshape(1, -1) if 'grn' in name else x
        for name, x in official_state(state).items()
    }
    assert_same(to_ours(theirs).state, state)


def test_norms_of_detectors():
    backbone = random_backbone(out_indices=(0, 1, 2, 3))
    state = as_model(backbone)
    first = [f'backbone.norm{i}.{p}' for i in range(3)
             for p in ('weight', 'bias')]
    for target in ('official', 'timm', 'huggingface'):
        theirs = from_ours(state, target)
        assert theirs.left_out == first
    names = {f'layernorm.{p}': f'hidden_states_norms.stage4.{p}'
             for p in ('weight', 'bias')}
    theirs = {names.get(k.removeprefix('convnextv2.'),
                        k.removeprefix('convnextv2.')): v
              for k, v in theirs.state.items()}
    for name in first:
        stage, leaf = name.removeprefix('backbone.norm').split('.')
        key = f'hidden_states_norms.stage{int(stage) + 1}.{leaf}'
        theirs[key] = state[name]
    assert_same(to_ours(theirs).state, state)


def test_heads_of_others_are_left_out_by_name():
    state = as_model(random_backbone())
    extra = {'neck.lateral_convs.0.weight': torch.ones(1)}
    assert from_ours({**state, **extra}, 'timm').left_out == list(extra)
    theirs = {**official_state(state), **extra, 'steps': 3}
    assert to_ours(theirs).left_out == [*extra, 'steps']
    # mmpretrain's are unchanged.
    assert_same(to_ours({**state, **extra}).state, {**state, **extra})


def test_1x1_convolutions_become_matrices():
    state = as_model(random_backbone())
    theirs = {
        name: x[..., None, None]
        if 'pointwise' in name and 'weight' in name else x
        for name, x in state.items()
    }
    assert_same(to_ours(theirs).state, state)


def test_columns_of_minkowski_kernels_vary_slowest():
    # Sites in the order (x, y) = (0, 0), (0, 1), (1, 0), (1, 1), which in
    # torch's kernel are rows and columns (0, 0), (1, 0), (0, 1), (1, 1).
    depthwise = torch.tensor([[10.], [11.], [12.], [13.]])
    assert from_minkowski(depthwise).tolist() == [[[[10., 12.], [11., 13.]]]]
    full = torch.arange(24.).view(4, 2, 3)
    got = from_minkowski(full)
    assert got.shape == (3, 2, 2, 2)
    assert got[2, 1].tolist() == [[5., 17.], [11., 23.]]


@pytest.mark.parametrize('shape', [(), (4, ), (48, 3), (0, 3), (4, 2, 2, 2)])
def test_other_minkowski_kernels_are_refused(shape):
    with pytest.raises(ValueError, match=r'must be \(k \* k, C\)'):
        from_minkowski(torch.zeros(shape))


def test_layouts_of_a_wrong_size_are_kept():
    for name, shape in (('stages.0.0.grn.gamma', (2, 3)),
                        ('stages.0.0.pointwise_conv1.weight', (4, 2, 3, 3))):
        assert to_our_layout(name, torch.zeros(shape)).shape == shape


@pytest.mark.parametrize('target, name, shape, message', [
    (None, 'fc', (1, ), 'the names are not those of a ConvNeXt or ConvNeXt V2 '
     'in any known format (mmpretrain, official, official-isotropic, '
     'official-pretraining, timm, huggingface, huggingface-dinov3, '
     'torchvision); found fc'),
    ('timm', 'stages.0.blocks.0.shortcut.weight', (1, ),
     'stages.0.blocks.0.shortcut.weight is no parameter of a ConvNeXt or '
     'ConvNeXt V2 in the format timm'),
    ('official-pretraining', 'encoder.stages.0.0.dwconv.kernel', (48, 4),
     'encoder.stages.0.0.dwconv.kernel: a kernel of MinkowskiEngine must be '
     '(k * k, C) or (k * k, C_in, C_out), got (48, 4)'),
])
def test_what_is_not_known_is_refused(target, name, shape, message):
    state = as_model(random_backbone())
    theirs = from_ours(state, target).state if target else {}
    theirs[name] = torch.ones(shape)
    with pytest.raises(CheckpointError, match=f'^{re.escape(message)}$'):
        to_ours(theirs)
    with pytest.raises(ValueError, match="must be one of .* got 'keras'"):
        from_ours(state, 'keras')


@pytest.mark.parametrize('dtype', [torch.int8, torch.bool])
@pytest.mark.parametrize('name', ['backbone.stages.1.1.norm.bias',
                                  'head.fc.weight'])
def test_integers_are_no_weights(dtype, name):
    state = as_model(random_backbone(), 3)
    state[name] = state[name].to(dtype)
    with pytest.raises(CheckpointError, match=f'{name} is of {dtype}, where to'
                       'rch.float32 is expected'):
        check(to_ours(state).state)


def test_check_names_all_differences():
    state = as_model(random_backbone())
    del state['backbone.stages.1.1.norm.bias']
    state['backbone.stages.2.0.grn.beta'] = torch.zeros(39)
    state['backbone.stages.9'] = torch.zeros(1)
    with pytest.raises(
            CheckpointError,
            match=r'not a whole ConvNeXt V2 own \(depths \[1, 3, 2, 1\], '
            r'channels \[4, 6, 10, 12\]\), 3 input channels:\n'
            r'  missing \(1\): backbone\.stages\.1\.1\.norm\.bias\n'
            r'  of another size \(1\): backbone\.stages\.2\.0\.grn\.beta \(39,'
            r'\) where \(40,\) is expected\n'
            r'  unexpected \(1\): backbone\.stages\.9$'):
        check(state)
    del state['backbone.downsample_layers.0.0.weight']
    with pytest.raises(
            CheckpointError,
            match=r"not whole: 'downsample_layers\.0\.0\.weight' is missing"):
        check(state)
