"""Converted weights in other code bases' own models."""
import copy

import pytest
import timm
import torch
from checkpoint_reference import (
    V1,
    pretraining_state,
)
from mmengine.registry import MODELS, DefaultScope
from timm_reference import randomise, relative_error

import mmconvnextv2.models.selfsup  # noqa: F401
from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.checkpoint import backbone_of, from_ours, to_ours

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
