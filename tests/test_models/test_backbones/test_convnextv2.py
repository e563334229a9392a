"""The backbone's contract: arguments, shapes, names, registries."""
import copy
import pickle
import re

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch import nn

from mmconvnextv2 import ConvNeXtV2

SMALL = dict(depths=[1, 2], channels=[4, 6])


def names_of(state):
    """State-dict names with stage and block numbers left out."""
    return {re.sub(r'(?<=\.)\d+\.\d+(?=\.)', 'i.j', name) for name in state}


def test_parameter_names():
    state = ConvNeXtV2('atto', out_indices=(0, 1, 2, 3)).state_dict()
    block = [
        f'stages.i.j.{layer}.{leaf}'
        for layer in ('depthwise_conv', 'norm', 'pointwise_conv1',
                      'pointwise_conv2') for leaf in ('weight', 'bias')
    ] + ['stages.i.j.grn.gamma', 'stages.i.j.grn.beta']
    assert names_of(state) == {
        *block, 'downsample_layers.i.j.weight', 'downsample_layers.i.j.bias',
        *(f'norm{i}.{leaf}' for i in range(4) for leaf in ('weight', 'bias'))
    }
    assert len(state) == 12 * len(block) + 4 * 4 + 4 * 2
    assert state['stages.3.1.grn.gamma'].shape == (1280, )
    assert state['stages.3.1.pointwise_conv1.weight'].shape == (1280, 320)
    v1 = ConvNeXtV2(SMALL, use_grn=False, layer_scale_init_value=1e-6)
    assert v1.state_dict()['stages.1.1.gamma'].shape == (6, )
    assert not any('grn' in name for name in v1.state_dict())


@pytest.mark.parametrize('scope, options, is_told', [
    ('mmpose', {}, True), ('mmdet', {}, True), ('mmpretrain', {}, False),
    ('mmpose', dict(gap_before_final_norm=False), False),
    ('mmpose', dict(final_norm=False), False)])
def test_vectors_where_heads_take_maps_are_told_of(caplog, scope, options,
                                                   is_told):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    with DefaultScope.overwrite_default_scope(scope):
        ConvNeXtV2(SMALL, **options)
    logger.removeHandler(caplog.handler)
    assert [x.getMessage() for x in caplog.records] == [
        'ConvNeXtV2: outputs are vectors (N, C), averaged over their sites as '
        f'for a classifier. Necks and heads of {scope} take maps (N, C, H, W):'
        ' set gap_before_final_norm=False'] * is_told


class LayerNorm2d(nn.Module):
    """Has the name of mmpretrain's class, which LN2d means."""


def test_layers_of_new_style_configs():
    ConvNeXtV2(
        arch='atto',
        norm_cfg=dict(type=LayerNorm2d, eps=1e-6),
        act_cfg=dict(type=nn.GELU))
    with pytest.raises(ValueError, match="must be dict.type='GELU'"):
        ConvNeXtV2(arch='atto', act_cfg=dict(type=nn.ReLU))


def test_arguments_are_not_modified():
    kwargs = dict(
        arch=dict(depths=[1, 2], channels=[4, 6]), out_indices=[-1, 0],
        norm_cfg=dict(type='LN2d', eps=1e-6), act_cfg=dict(type='GELU'),
        init_cfg=[dict(type='TruncNormal', layer=['Conv2d'], std=.02)])
    before = copy.deepcopy(kwargs)
    model = ConvNeXtV2(**kwargs)
    model.init_weights()
    model(torch.randn(1, 3, 8, 8))
    assert kwargs == before
    # Nor is the default shared between models.
    first, second = ConvNeXtV2(SMALL), ConvNeXtV2(SMALL)
    first.init_cfg[0]['std'] = 7.
    assert second.init_cfg[0]['std'] == ConvNeXtV2(SMALL).init_cfg[0]['std']


RANGE = 'ConvNeXtV2: frozen_stages must lie in [-1, 2] for 2 stages, got '
NORM = ("ConvNeXtV2: the paper's norm is LayerNorm with eps 1e-6; norm_cfg "
        "must be dict(type='LN2d', eps=...) with a positive number or left "
        'out, got ')
ACT = ("ConvNeXtV2: the paper's activation is GELU; act_cfg must be "
       "dict(type='GELU') or left out, got ")


@pytest.mark.parametrize('kwargs, message', [
    (dict(out_indices=2), 'out_indices must be one or more integers in '
     '[-2, 1], none twice, for 2 stages, got 2'),
    (dict(drop_path_rate=1.),
     'ConvNeXtV2: drop_path_rate must lie in [0, 1), got 1.0'),
    (dict(drop_path_rate=-.1),
     'ConvNeXtV2: drop_path_rate must lie in [0, 1), got -0.1'),
    (dict(frozen_stages=3), RANGE + '3'),
    (dict(frozen_stages=-2), RANGE + '-2'),
    (dict(in_channels=0), 'ConvNeXtV2: in_channels and stem_patch_size must '
     'be positive, got 0 and 4'),
    (dict(stem_patch_size=0), 'ConvNeXtV2: in_channels and stem_patch_size '
     'must be positive, got 3 and 0'),
    (dict(norm_cfg=dict(type='BN')), NORM + "{'type': 'BN'}"),
    (dict(norm_cfg=dict(type='BN', eps=1e-6)),
     NORM + "{'type': 'BN', 'eps': 1e-06}"),
    (dict(norm_cfg=dict(type='LN2d', eps=0)),
     NORM + "{'type': 'LN2d', 'eps': 0}"),
    # mmpretrain takes this one for eps=1e-5.
    (dict(norm_cfg=dict(type='LN2d')), NORM + "{'type': 'LN2d'}"),
    (dict(norm_cfg='LN2d'), NORM + 'LN2d'),
    (dict(act_cfg=dict(type='ReLU')), ACT + "{'type': 'ReLU'}"),
    (dict(act_cfg='GELU'), ACT + 'GELU'),
    (dict(linear_pw_conv=False),
     'ConvNeXtV2: linear_pw_conv=False is not supported: maps are '
     'channels-last, where a 1x1 convolution is a linear layer. Leave it out; '
     'weights of shape (4C, C, 1, 1) load once reshaped to (4C, C).'),
    (dict(layer_scale_init_value=1e-6),
     'ConvNeXtV2: a block has GRN (ConvNeXt V2) or LayerScale (ConvNeXt), not '
     'both; got use_grn=True and layer_scale_init_value=1e-06. Set '
     "layer_scale_init_value=0. or use_grn=False; for both, "
     "grn_cfg=dict(type='GRN')."),
    (dict(grn_cfg=dict(type='IN')),
     "ConvNeXtV2: grn_cfg.type must be one of ['GRN', 'LRN', 'BN', 'LN', "
     "'SE', 'CBAM'], or left out for GRNVariant, got 'IN'"),
    (dict(grn_cfg=dict(type='SE', size=3)),
     "ConvNeXtV2: grn_cfg may have ('type', 'ratio') (see SE), got also "
     "['size']"),
    (dict(grn_cfg=dict(aggregate='l1')),
     "ConvNeXtV2: grn_cfg may have ('eps', 'aggregation', 'normalization', "
     "'residual') (see GRNVariant), got also ['aggregate']"),
    (dict(use_grn=False, grn_cfg=dict(residual=False)),
     'ConvNeXtV2: grn_cfg changes GRN, which use_grn=False leaves out; got '
     "grn_cfg={'residual': False}"),
])
def test_refusals(kwargs, message):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        ConvNeXtV2(SMALL, **kwargs)


@pytest.mark.parametrize('shape', [(3, 8, 8), (1, 3, 7, 8), (1, 3, 8, 7)])
def test_refuses_images(shape):
    message = re.escape('ConvNeXtV2 expects images (N, C, H, W) with H and W '
                        f'of at least 8 pixels, got {shape}')
    with pytest.raises(ValueError, match=f'^{message}$'):
        ConvNeXtV2(SMALL)(torch.randn(shape))


def test_accepts_what_agrees_with_mmpretrain():
    model = ConvNeXtV2(
        SMALL, norm_cfg=dict(type='LN2d', eps=1e-6), act_cfg=dict(type='GELU'),
        linear_pw_conv=True, use_grn=True, layer_scale_init_value=0.,
        frozen_stages=-1)
    # It is the default model, to the last value.
    default = ConvNeXtV2(SMALL)
    model.load_state_dict(default.state_dict())
    x = torch.randn(1, 3, 16, 16)
    torch.testing.assert_close(model(x), default(x), rtol=0, atol=0)
    assert all(param.requires_grad for param in model.parameters())


def test_copies_equal_the_original():
    model = ConvNeXtV2(SMALL, drop_path_rate=.1, frozen_stages=1)
    x = torch.randn(2, 3, 16, 16)
    expected, = model.eval()(x)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(twin(x)[0], expected)
        assert twin.norm1.weight is not model.norm1.weight


def test_roi_align_reads_outputs_right():
    # It reads memory as (N, C, H, W) and does not look at the strides.
    ops = pytest.importorskip('mmcv.ops')
    backbone = ConvNeXtV2(
        'atto', out_indices=(0, 3), gap_before_final_norm=False)
    rois = torch.tensor([[0., 4., 4., 50., 60.]])
    for x, stride in zip(backbone(torch.randn(1, 3, 64, 64)), (4, 32)):
        pool = ops.RoIAlign(2, 1 / stride, 2, aligned=True)
        torch.testing.assert_close(
            pool(x, rois), pool(x.clone(memory_format=torch.contiguous_format),
                                rois))
