"""The backbone against timm's and mmpretrain's, with the same weights."""
import random

import pytest
import torch
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
    model = ConvNeXtV2(
        dict(depths=backbone.depths, channels=backbone.channels),
        in_channels=x.shape[1],
        use_grn=backbone.stages[0][0].grn is not None,
        layer_scale_init_value=0. if backbone.stages[0][0].gamma is None else
        1.,
        out_indices=(0, 1, 2, 3),
        final_norm=False).to(x.dtype)
    state = {
        k: v
        for k, v in backbone.state_dict().items() if not k.startswith('norm')
    }
    model.load_state_dict(state)
    return model.eval()(x)


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
