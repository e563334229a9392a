import re

import pytest
import torch
from mmpretrain.models import utils as mmpretrain_utils
from param_settings import LR, WEIGHT_DECAY, build, param_settings
from torch import nn

from mmconvnextv2 import GRN, ConvNeXtV2, LayerDecayOptimWrapperConstructor
from mmconvnextv2.engine.layer_decay import DEFAULTS


class OfficialGRN(nn.Module):
    """As in the official code, where the parameters have four dimensions."""

    def __init__(self):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, 1, 4))


OfficialGRN.__name__ = 'GRN'


class Tokens(nn.Module):

    def __init__(self):
        super().__init__()
        self.mask_token = nn.Parameter(torch.zeros(1, 4, 1, 1))
        self.query = nn.Parameter(torch.zeros(1, 4))
        self.gamma = nn.Parameter(torch.zeros(4))
        self.scale = nn.Parameter(torch.zeros(()))


MODULES = dict(
    linear=nn.Linear(4, 4),
    conv=nn.Conv2d(4, 4, 3),
    dwconv=nn.Conv2d(4, 4, 7, groups=4),
    ln=nn.LayerNorm(4),
    bn=nn.BatchNorm2d(4),
    sync_bn=nn.SyncBatchNorm(4),
    gn=nn.GroupNorm(2, 4),
    instance=nn.InstanceNorm2d(4, affine=True),
    norm_2d=nn.LayerNorm((2, 2)),
    grn=GRN(4),
    mmpretrain_grn=mmpretrain_utils.GRN(4),
    official_grn=OfficialGRN(),
    tokens=Tokens(),
    attention=nn.MultiheadAttention(4, 2),
)
DECAYED = {
    'linear.weight', 'conv.weight', 'dwconv.weight', 'tokens.query',
    'attention.in_proj_weight', 'attention.out_proj.weight'
}


def multipliers(**cfg):
    """{name: (multiplier of the learning rate, of weight decay)}."""
    model = nn.ModuleDict(
        dict(MODULES, backbone=ConvNeXtV2(dict(depths=(1, ), channels=(4, )))))
    settings = param_settings(model, build(model, decay_rate=1., **cfg))
    return {
        name: (lr / LR, decay / WEIGHT_DECAY)
        for name, (lr, decay) in settings.items()
        if not name.startswith('backbone.')
    }


def changed(**cfg):
    default = multipliers()
    return {k: v for k, v in multipliers(**cfg).items() if v != default[k]}


def test_what_is_decayed_by_default():
    default = multipliers()
    assert {name for name, (_, decay) in default.items() if decay} == DECAYED
    assert {lr for lr, _ in default.values()} == {1.}
    assert {decay for _, decay in default.values()} == {0., 1.}


def test_decay_multipliers():
    biases = {
        f'{name}.bias'
        for name in ('linear', 'conv', 'dwconv', 'attention.out_proj')
    }
    norms = {
        f'{name}.{leaf}'
        for name in ('ln', 'bn', 'sync_bn', 'gn', 'instance', 'norm_2d')
        for leaf in ('weight', 'bias')
    }
    assert changed(norm_decay_mult=0.5) == dict.fromkeys(norms, (1, 0.5))
    assert changed(bias_decay_mult=0.5) == dict.fromkeys(biases, (1, 0.5))
    assert changed(flat_decay_mult=0.5) == dict.fromkeys(
        ['tokens.gamma', 'tokens.scale', 'attention.in_proj_bias'], (1, 0.5))
    assert changed(dwconv_decay_mult=0.5) == {'dwconv.weight': (1, 0.5)}
    assert changed(bias_lr_mult=2) == dict.fromkeys(biases, (2, 0))
    assert changed(norm_decay_mult=None, flat_decay_mult=None) == {}


def test_custom_keys():
    assert changed(
        custom_keys={
            'official_grn': dict(decay_mult=0.5),
            'mask_token': dict(decay_mult=1.),
            'linear': dict(lr_mult=3),
            'linear.bias': dict(lr_mult=4, decay_mult=0.5),
            'inea': dict(lr_mult=7),
            'out_proj': dict(lr_mult=5),
        }) == {
            'official_grn.gamma': (1, 0.5),
            'tokens.mask_token': (1, 1),
            'linear.weight': (3, 1),
            'linear.bias': (4, 0.5),
            'attention.out_proj.weight': (5, 1),
            # Without decay_mult, decay stays as it is without the key.
            'attention.out_proj.bias': (5, 0),
        }


def test_custom_keys_with_mmengines_dot_and_ties():
    found = changed(custom_keys={
        '.query': dict(lr_mult=2),
        'tokens.query': dict(decay_mult=2),
        'conv.': dict(lr_mult=8),
        # Of keys of the same length the first in the alphabet counts.
        'onv.w': dict(lr_mult=4),
        'conv.w': dict(lr_mult=16),
        'conv.b': dict(lr_mult=32),
        'dwconv': dict(lr_mult=64)
    })
    assert found == {
        'tokens.query': (1, 2),
        'conv.weight': (16, 1),
        'conv.bias': (32, 0),
        'dwconv.weight': (16, 1),
        'dwconv.bias': (32, 0),
    }


@pytest.mark.parametrize(('optimizer', 'cfg', 'error', 'message'), [
    (dict(), dict(decay_rate=0.9, num_layers=12, a=1), ValueError,
     "paramwise_cfg accepts ['decay_rate', 'decay_type', 'norm_decay_mult', "
     "'bias_decay_mult', 'flat_decay_mult', 'dwconv_decay_mult', "
     "'bias_lr_mult', 'custom_keys', 'bypass_duplicate'], got ['a', "
     "'num_layers']; leave out mmdet's and mmseg's num_layers, which is read "
     "from the backbone; their decay_type='layer_wise' is 'group_wise'"),
    (dict(), dict(layer_decay_rate=0.9), ValueError,
     f"paramwise_cfg accepts {list(DEFAULTS)}, got ['layer_decay_rate']; "
     "mmpretrain's layer_decay_rate is decay_rate, and its rule "
     "decay_type='group_wise'"),
    *((dict(), dict(decay_rate=rate), ValueError,
       f'paramwise_cfg.decay_rate must be a number in (0, 1], got {rate!r}')
      for rate in (None, 1.1, 0, '0.9')),
    (dict(), dict(decay_rate=0.9, decay_type='single'), ValueError,
     "paramwise_cfg.decay_type must be one of {'layer_wise': 'an id per "
     "block', 'group_wise': 'an id per three blocks; OpenMMLab calls this "
     "layer_wise', 'group_wise_12': 'the same, and the ids of Base whatever "
     "the third stage', 'stage_wise': 'an id per stage'}, got 'single'"),
    (dict(), dict(decay_rate=0.9, custom_keys=['head']), TypeError,
     "If specified, custom_keys must be a dict, but got <class 'list'>"),
    (dict(), dict(decay_rate=0.9, custom_keys=dict(head=dict(lr=1.))),
     ValueError, "paramwise_cfg.custom_keys['head'] accepts lr_mult and "
     "decay_mult, got {'lr': 1.0}"),
    (dict(), ['decay_rate'], TypeError,
     "paramwise_cfg should be None or a dict, but got <class 'list'>"),
    (dict(lr=None), dict(decay_rate=0.9), ValueError,
     'the optimizer has no lr that could be scaled: set '
     'optim_wrapper.optimizer.lr'),
])
def test_errors(optimizer, cfg, error, message):
    wrapper = dict(optimizer=dict(dict(type='AdamW', lr=LR), **optimizer))
    with pytest.raises(error, match=f'^{re.escape(message)}$'):
        LayerDecayOptimWrapperConstructor(wrapper, cfg)


def test_layers_that_mmpretrain_counts():
    from mmpretrain.models import VisionTransformer
    arch = dict(embed_dims=8, num_layers=2, num_heads=1,
                feedforward_channels=8)
    model = VisionTransformer(arch, img_size=32, patch_size=16)
    wrapper = build(model, decay_rate=0.5)
    # Patches 0, blocks 1 and 2, the last norm 3.
    assert sorted({g['lr'] for g in wrapper.optimizer.param_groups}) == [
        LR / 8, LR / 4, LR / 2, LR]
    message = ('VisionTransformer decays layer_wise only, got '
               "paramwise_cfg.decay_type='group_wise'")
    with pytest.raises(ValueError, match=re.escape(message)):
        build(model, decay_rate=0.5, decay_type='group_wise')
