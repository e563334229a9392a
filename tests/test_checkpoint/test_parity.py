"""Converted weights in other code bases' own models."""
import copy

import pytest
import timm
import torch
from checkpoint_reference import (
    V1,
    as_model,
    assert_same,
    official_state,
    pretraining_state,
    random_backbone,
)
from mmengine.registry import MODELS, DefaultScope
from timm_reference import randomise, relative_error

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import (
    CheckpointError,
    backbone_of,
    from_ours,
    to_ours,
)

_FOUR = dict(depths=[1, 2, 2, 1], channels=[8, 12, 20, 24])
_CLASSES = 5


def logits(state, backbone, images):
    """What a classifier with these weights computes."""
    return torch.nn.functional.linear(
        backbone(images)[-1], state['head.fc.weight'], state['head.fc.bias'])


def assert_equal_outputs(theirs, backbone, images, target, output):
    """Take a model's random weights over, and give them back."""
    randomise(theirs).eval()
    mapped = to_ours(copy.deepcopy(theirs.state_dict()))
    assert not mapped.left_out
    backbone.load_state_dict(backbone_of(mapped.state), strict=True)
    with torch.no_grad():
        got = logits(mapped.state, backbone.eval(), images)
        assert relative_error(got, output(theirs(images))) < 1e-5
    written = from_ours(mapped.state, target)
    assert not written.left_out
    randomise(theirs, seed=1)
    theirs.load_state_dict(written.state, strict=True)
    with torch.no_grad():
        assert relative_error(output(theirs(images)), got) < 1e-5


@pytest.mark.parametrize('name, size', [('convnextv2_atto', 'atto'),
                                        ('convnextv2_nano', 'nano'),
                                        ('convnext_femto', 'femto'),
                                        ('convnext_tiny', 'tiny')])
def test_timms_models(name, size):
    kwargs = {} if 'v2' in name else V1
    assert_equal_outputs(
        timm.create_model(name, num_classes=_CLASSES),
        ConvNeXtV2(size, **kwargs), torch.randn(2, 3, 65, 96), 'timm',
        lambda x: x)


@pytest.mark.parametrize('version', [dict(), V1])
def test_timms_own_arch(version):
    own = dict(use_grn=True, ls_init_value=None) if not version else {}
    theirs = timm.models.ConvNeXt(
        depths=_FOUR['depths'], dims=_FOUR['channels'], num_classes=_CLASSES,
        in_chans=2, **own)
    assert_equal_outputs(theirs, ConvNeXtV2(_FOUR, in_channels=2, **version),
                         torch.randn(2, 2, 64, 70), 'timm', lambda x: x)


@pytest.mark.parametrize('kind, version', [('ConvNextV2', dict()),
                                           ('ConvNext', V1)])
def test_hugging_faces_models(kind, version):
    # The classic stack cannot have it.
    transformers = pytest.importorskip('transformers')
    config = getattr(transformers, f'{kind}Config')(
        depths=_FOUR['depths'], hidden_sizes=_FOUR['channels'],
        num_labels=_CLASSES)
    theirs = getattr(transformers, f'{kind}ForImageClassification')(config)
    assert_equal_outputs(
        theirs, ConvNeXtV2(_FOUR, **version), torch.randn(2, 3, 64, 96),
        'huggingface', lambda x: x.logits)


def test_hugging_faces_backbone():
    transformers = pytest.importorskip('transformers')
    config = transformers.ConvNextV2Config(
        depths=_FOUR['depths'], hidden_sizes=_FOUR['channels'],
        out_features=['stage2', 'stage4'])
    theirs = randomise(transformers.ConvNextV2Backbone(config)).eval()
    ours = ConvNeXtV2(_FOUR, out_indices=(1, 3), gap_before_final_norm=False)
    ours.load_state_dict(backbone_of(to_ours(theirs.state_dict()).state))
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        for got, expected in zip(ours.eval()(images),
                                 theirs(images).feature_maps):
            assert relative_error(got, expected) < 1e-5


def same_maps(theirs, expected, images, **kwargs):
    """Whether our backbone has their maps with their weights, to 1e-5."""
    randomise(theirs).eval()
    mapped = to_ours(theirs.state_dict())
    ours = ConvNeXtV2(_FOUR, gap_before_final_norm=False, **V1, **kwargs)
    mapped.require_same(ours)
    ours.load_state_dict(backbone_of(mapped.state), strict=True)
    with torch.no_grad():
        for got, wanted in zip(ours.eval()(images), expected(theirs)):
            assert relative_error(got, wanted) < 1e-5
    return mapped


def test_dinov3s_models():
    transformers = pytest.importorskip('transformers')
    images = torch.randn(2, 3, 64, 96)
    config = transformers.DINOv3ConvNextConfig(
        depths=_FOUR['depths'], hidden_sizes=_FOUR['channels'])
    theirs = transformers.DINOv3ConvNextModel(config)

    def maps(model):  # the pooled token, then a token a site
        return [model(images).last_hidden_state[:, 1:].mT.unflatten(2, (2, 3))]

    state = same_maps(theirs, maps, images).state
    assert_same(from_ours(state, 'huggingface-dinov3').state,
                theirs.state_dict())
    # As transformers 5 has it, where the norm stays outside.
    inside = {x if x[:11] == 'layer_norm.' else f'model.{x}': value
              for x, value in theirs.state_dict().items()}
    assert_same(to_ours(inside).state, state)
    # The official files hold the last norm twice.
    official = official_state(state)
    twice = {f'norms.3.{p}': official[f'norm.{p}'] for p in ('weight', 'bias')}
    mapped = to_ours({**official, **twice})
    assert_same(mapped.state, state)
    assert not mapped.left_out
    twice['norms.3.bias'] = twice['norms.3.bias'] + 1
    with pytest.raises(CheckpointError, match=r'norms\.3\.bias and another te'
                       r'nsor are both backbone\.norm3\.bias'):
        to_ours({**official, **twice})


def test_torchvisions_models():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt
    sides = zip(_FOUR['channels'], [*_FOUR['channels'][1:], None],
                _FOUR['depths'])
    assert_equal_outputs(
        ConvNeXt([CNBlockConfig(*x) for x in sides], num_classes=_CLASSES),
        ConvNeXtV2(_FOUR, **V1), torch.randn(2, 3, 65, 96), 'torchvision',
        lambda x: x)


def own_timm(**kwargs):
    return timm.models.ConvNeXt(
        depths=_FOUR['depths'], dims=_FOUR['channels'], num_classes=_CLASSES,
        **kwargs)


def test_timms_features():
    images = torch.randn(2, 3, 64, 96)
    theirs = timm.models.FeatureListNet(
        own_timm(), (0, 1, 2, 3), flatten_sequential=True)
    assert 'stages_3.blocks.0.gamma' in theirs.state_dict()
    mapped = same_maps(theirs, lambda net: net(images), images,
                       final_norm=False, out_indices=(0, 1, 2, 3))
    assert not mapped.left_out


def test_timms_variants_need_another_backbone():
    # Responses so small that eps counts.
    images = torch.randn(2, 3, 64, 96) * 3e-4
    mapped = same_maps(own_timm(head_norm_first=True, norm_eps=1e-5),
                       lambda net: [net.forward_features(images)], images,
                       norm_cfg=dict(type='LN2d', eps=1e-5))
    with pytest.raises(CheckpointError, match='their last norm comes before t'
                       r'he pooling \(head_norm_first of timm\): set gap_befor'
                       'e_final_norm=False of the backbone'):
        mapped.require_same(ConvNeXtV2(_FOUR, **V1))
    mapped.require_same(ConvNeXtV2(_FOUR, **V1, final_norm=False))
    with pytest.raises(AssertionError):
        same_maps(own_timm(), lambda net: [net.norm_pre(net.stages(
            net.stem(images)))], images)
    with torch.device('meta'):
        largest = timm.create_model('convnext_xxlarge').state_dict()
        own = ConvNeXtV2(_FOUR, **V1)
    with pytest.raises(CheckpointError, match=r"the norms of timm's convnext_"
                       r"xxlarge have eps 1e-5: set norm_cfg=dict\(type='LN2d'"
                       r', eps=1e-5\) of the backbone'):
        to_ours(largest).require_same(own)


def test_heads_of_more_layers_are_left_out():
    theirs = own_timm(head_hidden_size=24).state_dict()
    mapped = to_ours(theirs)
    assert not any('head' in x for x in mapped.state)
    assert {x for x in theirs if 'fc.' in x and 'head' in x} == {
        *mapped.left_out}


@pytest.mark.parametrize('target', ['torchvision', 'huggingface-dinov3'])
def test_formats_without_grn_refuse_it(target):
    with pytest.raises(CheckpointError, match=f'the format {target} has no pl'
                       r'ace for backbone\.stages\.0\.0\.grn\.gamma'):
        from_ours(as_model(random_backbone()), target)


@pytest.fixture
def fcmae():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(
            dict(
                type='mmconvnextv2.FCMAE',
                backbone=dict(
                    type='mmconvnextv2.ConvNeXtV2', arch=_FOUR,
                    final_norm=False),
                neck=dict(
                    type='mmconvnextv2.FCMAEDecoder',
                    in_channels=24,
                    decoder_channels=16),
                head=dict(type='mmconvnextv2.FCMAEHead')))
    return model.eval()


def weights_of(model):
    return {k: v for k, v in model.state_dict().items()
            if k.startswith(('backbone.', 'neck.'))}


def test_official_pretraining_files_continue(fcmae):
    randomise(fcmae)
    theirs = pretraining_state(copy.deepcopy(weights_of(fcmae)))
    for name, shape in {
            'encoder.downsample_layers.0.0.weight': (8, 3, 4, 4),
            'encoder.downsample_layers.0.1.weight': (8, ),
            'encoder.downsample_layers.1.0.ln.weight': (8, ),
            'encoder.downsample_layers.2.1.kernel': (4, 12, 20),
            'encoder.downsample_layers.2.1.bias': (1, 20),
            'encoder.stages.1.1.dwconv.kernel': (49, 12),
            'encoder.stages.1.1.dwconv.bias': (1, 12),
            'encoder.stages.1.1.norm.ln.bias': (12, ),
            'encoder.stages.1.1.pwconv1.linear.weight': (48, 12),
            'encoder.stages.1.1.grn.gamma': (1, 48),
            'proj.weight': (16, 24, 1, 1),
            'mask_token': (1, 16, 1, 1),
            'decoder.0.dwconv.weight': (16, 1, 7, 7),
            'decoder.0.grn.beta': (1, 1, 1, 64),
            'pred.weight': (3072, 16, 1, 1),
    }.items():
        assert theirs[name].shape == shape, name
    images = torch.randn(2, 3, 96, 96)
    is_masked = torch.rand(2, 3, 3) > 0.5
    is_masked[:, 0, 0], is_masked[:, 1, 1] = False, True
    expected = fcmae.loss(images, is_masked=is_masked)['loss']
    randomise(fcmae, seed=1)
    assert fcmae.loss(images, is_masked=is_masked)['loss'] != expected
    mapped = to_ours(theirs)
    assert not mapped.left_out
    fcmae.load_state_dict(mapped.state, strict=True)
    assert fcmae.loss(images, is_masked=is_masked)['loss'] == expected
