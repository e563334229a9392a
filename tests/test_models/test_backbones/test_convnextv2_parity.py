"""The backbone against timm's and mmpretrain's, with the same weights."""
import copy
import random

import pytest
import torch
from mmengine.utils.dl_utils import is_norm
from timm_reference import (
    randomise,
    relative_error,
    timm_name,
    timm_stages,
    timm_twin,
)

from mmconvnextv2 import ConvNeXtV2

V1 = dict(use_grn=False, layer_scale_init_value=1e-6)
ODD = dict(depths=[1, 3, 2, 1], channels=[12, 12, 20, 36])


def maps_of(backbone, x):
    """All four stages' outputs without an output norm."""
    model = copy.deepcopy(backbone)
    model.out_indices, model.final_norm = [0, 1, 2, 3], False
    return model(x)


def assert_equal_to_timm(backbone, twin, x, tolerance):
    with torch.no_grad():
        expected, got = timm_stages(twin, x), maps_of(backbone, x)
        assert len(got) == len(expected) == 4
        for a, b in zip(got, expected):
            assert relative_error(a, b) < tolerance
        pooled = twin.forward_head(twin.forward_features(x))
        assert relative_error(backbone(x)[0], pooled) < tolerance


@pytest.mark.parametrize('size', [(64, 64), (97, 130), (33, 63), (224, 224)])
@pytest.mark.parametrize('arch', ['atto', 'nano'])
def test_equals_timm_convnextv2(arch, size):
    backbone = randomise(ConvNeXtV2(arch)).eval()
    twin = timm_twin(backbone, name=f'convnextv2_{arch}')
    assert_equal_to_timm(backbone, twin, torch.randn(2, 3, *size), 1e-5)


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('dtype, tolerance', [(torch.float32, 1e-5),
                                              (torch.float64, 1e-12)])
def test_equals_timm_for_a_random_arch(seed, dtype, tolerance):
    draw = random.Random(seed)
    arch = dict(
        depths=[draw.randint(1, 3) for _ in range(4)],
        channels=[draw.randint(4, 40) for _ in range(4)])
    in_channels = draw.randint(1, 5)
    backbone = ConvNeXtV2(arch, in_channels=in_channels).to(dtype)
    randomise(backbone, seed).eval()
    twin = timm_twin(backbone, use_grn=True, ls_init_value=None)
    x = torch.randn(
        2, in_channels, draw.randint(32, 120), draw.randint(32, 120),
        dtype=dtype)
    assert_equal_to_timm(backbone, twin, x, tolerance)


def test_equals_timm_convnext():
    backbone = randomise(ConvNeXtV2(ODD, **V1)).eval()
    twin = timm_twin(backbone)
    assert_equal_to_timm(backbone, twin, torch.randn(2, 3, 75, 101), 1e-5)


def test_gradients_equal_timm():
    backbone = randomise(ConvNeXtV2(ODD).double())
    twin = timm_twin(backbone, use_grn=True, ls_init_value=None)
    x = torch.randn(2, 3, 65, 70, dtype=torch.float64)
    weight = torch.randn(2, 36, dtype=torch.float64)
    (backbone(x)[0] * weight).sum().backward()
    (twin(x) * weight).sum().backward()
    expected = dict(twin.named_parameters())
    for name, p in backbone.named_parameters():
        other = expected[timm_name(name)].grad.reshape(p.shape)
        assert relative_error(p.grad, other) < 1e-10, name


def mmpretrain_convnext(**kwargs):
    from mmpretrain.models import ConvNeXt
    return ConvNeXt(**kwargs)


@pytest.mark.parametrize('out_indices', [3, -1, [0, 1, 2, 3], [-1, 1]])
@pytest.mark.parametrize('gap', [True, False])
@pytest.mark.parametrize('version', [
    dict(use_grn=True, layer_scale_init_value=0.), V1])
def test_equals_mmpretrain_convnext(version, gap, out_indices):
    kwargs = dict(arch=ODD, gap_before_final_norm=gap, **version)
    # It writes into the list of out_indices that it is given.
    given = list(out_indices) if isinstance(out_indices, list) else out_indices
    theirs = mmpretrain_convnext(out_indices=given, **kwargs)
    randomise(theirs).eval()
    ours = ConvNeXtV2(out_indices=out_indices, **kwargs).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, 3, 65, 70)
    with torch.no_grad():
        got, expected = ours(x), theirs(x)
    assert len(got) == len(expected)
    for a, b in zip(got, expected):
        assert relative_error(a, b) < 1e-5


HOOKED = ['downsample_layers.0', 'downsample_layers.0.1',
          'downsample_layers.1.0', 'downsample_layers.2', 'stages.0',
          'stages.1.1', 'stages.2.0.depthwise_conv', 'stages.2.0.norm',
          'stages.2.1.pointwise_conv1', 'stages.2.1.grn', 'stages.3',
          'the last norm']


def activation_and_gradient(model, name, x):
    """Of a layer, for one output channel, as CAM tools hook them."""
    kept = []
    model.get_submodule(name).register_forward_hook(
        lambda module, inputs, y: y.retain_grad() or kept.append(y))
    model(x)[-1].mean((2, 3))[:, 5].sum().backward()
    return kept[0].detach(), kept[0].grad


def grad_cam(activation, gradient):
    """Grad-CAM (arXiv 1610.02391, equations 1 and 2) of maps (N, C, H, W)."""
    return (gradient.mean((2, 3), keepdim=True) * activation).sum(1).relu()


@pytest.mark.parametrize('name', HOOKED)
def test_hooks_see_what_they_see_in_mmpretrain(name):
    kwargs = dict(arch=ODD, gap_before_final_norm=False)
    theirs = mmpretrain_convnext(use_grn=True, layer_scale_init_value=0.,
                                 **kwargs)
    randomise(theirs).double()
    ours = ConvNeXtV2(**kwargs).double()
    ours.load_state_dict(theirs.state_dict())
    if name == 'the last norm':  # where mmpretrain's CAM tool looks
        name = [k for k, x in ours.named_modules() if is_norm(x)][-1]
    x = torch.randn(2, 3, 65, 97, dtype=torch.float64)
    found = activation_and_gradient(ours, name, x)
    expected = activation_and_gradient(theirs, name, x)
    for a, b in zip(found, expected):
        assert relative_error(a, b) < 1e-12
    if found[0].shape[1] in ODD['channels']:
        assert relative_error(grad_cam(*found), grad_cam(*expected)) < 1e-12


@pytest.mark.parametrize('version, theirs', [
    (V1, {}), ({}, dict(use_grn=True, ls_init_value=None))], ids=['V1', 'V2'])
def test_timms_feature_hooks_collect_timms_maps(version, theirs):
    from timm.models._features import FeatureHooks
    ours = randomise(ConvNeXtV2(ODD, **version)).eval()
    x, found = torch.randn(2, 3, 65, 97), []
    for model, inner in ((ours, ''), (timm_twin(ours, **theirs), 'blocks.')):
        hooks = FeatureHooks(
            [f'stages.{i}.{inner}{n - 1}' for i, n in enumerate(
                ODD['depths'])], model.named_modules())
        with torch.no_grad():
            model(x)
        found.append(list(hooks.get_output(x.device).values()))
    assert [y.shape[1] for y in found[0]] == ODD['channels']
    assert all(map(lambda a, b: relative_error(a, b) < 1e-5, *found))


@pytest.mark.parametrize('version', [V1, {}], ids=['V1', 'V2'])
def test_blocks_pass_maps_on_without_a_copy(version):
    model, seen = ConvNeXtV2(ODD, out_indices=[3], **version).eval(), {}
    names = [f'stages.{i}.{k}' for i, n in enumerate(ODD['depths'])
             for k in range(n)]
    for name in names:
        model.get_submodule(name).register_forward_hook(
            lambda module, given, y, name=name: seen.update(
                {name: (given[0], y)}))
    with torch.no_grad():
        model(torch.randn(2, 3, 65, 97))
    for given, y in seen.values():
        assert given.shape == y.shape == (2, *y.shape[1:])
        assert y.is_contiguous(memory_format=torch.channels_last)
    assert {y.shape[1] for _, y in seen.values()} == set(ODD['channels'])
    for first, then in zip(names, names[1:]):
        if first[:-1] == then[:-1]:
            assert seen[first][1].data_ptr() == seen[then][0].data_ptr()
