"""Checkpoints of other code bases, written independently of the key maps."""
from typing import Dict

import torch
from timm_reference import randomise
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mmconvnextv2 import ConvNeXtV2

ARCH = dict(depths=[1, 3, 2, 1], channels=[4, 6, 10, 12])
V1 = dict(use_grn=False, layer_scale_init_value=1.)
ISOTROPIC = dict(
    arch=dict(depths=[3], channels=[6]), stem_patch_size=16, stem_norm=False)
_LAYERS = dict(
    depthwise_conv='dwconv',
    pointwise_conv1='pwconv1',
    pointwise_conv2='pwconv2')


def random_backbone(arch=None, seed: int = 0, **kwargs) -> ConvNeXtV2:
    """A backbone with random values in every parameter."""
    return randomise(ConvNeXtV2(arch or ARCH, **kwargs), seed).eval()


def as_model(backbone: nn.Module, classes: int = 0) -> Dict[str, Tensor]:
    """State dict of a classifier of OpenMMLab with this backbone."""
    state = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    if classes:
        state['head.fc.weight'] = torch.randn(classes, backbone.channels[-1])
        state['head.fc.bias'] = torch.randn(classes)
    return state


def official_state(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The authors' names, GRN of shape (1, 1, 1, 4C), for four stages."""
    new = {}
    for name, value in state.items():
        for ours, theirs in _LAYERS.items():
            name = name.replace(ours, theirs)
        name = name.removeprefix('backbone.').replace('norm3.', 'norm.')
        name = name.replace('head.fc.', 'head.').removeprefix('neck.')
        if 'grn' in name:
            value = value[None, None, None]
        if name == 'mask_token':
            value = value[None, :, None, None]
        if name in ('proj.weight', 'pred.weight'):
            value = value[..., None, None]
        new[name] = value
    return new


def isotropic_state(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """The V1 code's isotropic names, by rules of words."""
    new = {}
    for name, value in state.items():
        words = name.split('.')
        leaf = words[-1]
        if words[0] == 'head':
            new[f'head.{leaf}'] = value
        elif words[1] == 'stages':
            layer = '.'.join(_LAYERS.get(x, x) for x in words[4:])
            new[f'blocks.{words[3]}.{layer}'] = value
        else:
            first = 'norm' if words[1] == 'norm0' else 'stem'
            new[f'{first}.{leaf}'] = value
    return new


def isotropic_features(state: Dict[str, Tensor], x: Tensor) -> Tensor:
    """What the V1 code's isotropic model computes before its head."""

    def norm(y, name):
        return F.layer_norm(y, y.shape[-1:], state[f'{name}.weight'],
                            state[f'{name}.bias'], 1e-6)

    def linear(y, name):
        return F.linear(y, state[f'{name}.weight'], state[f'{name}.bias'])

    x = F.conv2d(x, state['stem.weight'], state['stem.bias'], stride=16)
    depth = len({name.split('.')[1] for name in state if 'blocks' in name})
    for i in range(depth):
        at = f'blocks.{i}'
        y = F.conv2d(x, state[f'{at}.dwconv.weight'],
                     state[f'{at}.dwconv.bias'], padding=3, groups=x.shape[1])
        y = norm(y.permute(0, 2, 3, 1), f'{at}.norm')
        y = linear(F.gelu(linear(y, f'{at}.pwconv1')), f'{at}.pwconv2')
        x = x + (state[f'{at}.gamma'] * y).permute(0, 3, 1, 2)
    return norm(x.mean((2, 3)), 'norm')


def minkowski_kernel(weight: Tensor) -> Tensor:
    """A kernel as MinkowskiEngine has it: columns vary slowest."""
    out_channels, in_channels, side, _ = weight.shape
    kernel = torch.empty(side * side, in_channels, out_channels)
    for row in range(side):
        for column in range(side):
            kernel[column * side + row] = weight[:, :, row, column].T
    return kernel


def pretraining_state(state: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """What the authors' pre-training script writes, without output norms."""
    new = {}
    official = official_state(state)
    for name, value in official.items():
        encoded = name.startswith(('stages', 'downsample_layers'))
        words = name.split('.')
        layer, leaf = '.'.join(words[:-1]), words[-1]
        if encoded and value.ndim == 4 and 'grn' in name:
            value = value[0, 0]
        elif encoded and not layer.startswith('downsample_layers.0'):
            if layer.endswith('dwconv') and leaf == 'weight':
                leaf, value = 'kernel', minkowski_kernel(value)[:, 0]
            elif layer.startswith('downsample') and value.ndim == 4:
                leaf, value = 'kernel', minkowski_kernel(value)
            elif 'pwconv' in layer:
                layer += '.linear'
            elif layer.endswith('norm') or layer.endswith('.0'):
                layer += '.ln'
            elif leaf == 'bias':
                value = value[None]
        prefix = 'encoder.' if encoded else ''
        new[f'{prefix}{layer}.{leaf}' if layer else leaf] = value
    return new


def assert_same(got: Dict[str, Tensor], expected: Dict[str, Tensor]) -> None:
    """Assert that two state dicts are equal, bit by bit."""
    assert set(got) == set(expected)
    for name, value in expected.items():
        assert got[name].shape == value.shape, name
        assert torch.equal(got[name], value), name
