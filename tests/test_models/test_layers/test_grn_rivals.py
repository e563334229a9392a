"""What stands in GRN's place, against formulas written out site by site."""
import pytest
import torch
from mmpretrain.models.utils import SELayer
from torch.nn import functional as F

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers.build_grn import GRN_TYPES

_C = 32


def make(kind):
    torch.manual_seed(0)
    layer = GRN_TYPES[kind](_C).double()
    for param in layer.parameters():
        param.data.normal_(0.5)
    return layer


def mlp(layer, x):
    first, _, second = layer.mlp
    return F.linear(F.linear(x, first.weight, first.bias).clamp(min=0),
                    second.weight, second.bias)


def channels_scaled(layer, x, sites, places):
    """SE and CBAM's first half, of an image (H, W, C)."""
    scale = mlp(layer, sites.mean(0))
    if places:
        scale = scale + mlp(layer, sites.max(0).values)
    return x / (1 + (-scale).exp())


def formula(kind, layer, x, seen):
    """Values at the visible sites of a batch, one below the other."""
    sites = x[seen]
    if kind == 'LRN':
        sums = [(sites[:, max(c - 2, 0):c + 3]**2).sum(1) for c in range(_C)]
        return sites / (1 + 1e-4 / 5 * torch.stack(sums, 1))**0.75
    if kind in ('BN', 'LN'):
        norm = layer.norm if kind == 'BN' else layer
        axis = 0 if kind == 'BN' else 1
        centred = sites - sites.mean(axis, keepdim=True)
        std = (centred**2).mean(axis, keepdim=True) + norm.eps
        return centred / std.sqrt() * norm.weight + norm.bias
    out = []
    for image, is_seen in zip(x, seen):
        y = channels_scaled(layer, image, image[is_seen], kind == 'CBAM')
        if kind == 'CBAM':
            pooled = torch.stack([y.mean(-1), y.max(-1).values])
            pooled = F.pad(pooled * is_seen, (3, 3, 3, 3))
            for i, j in is_seen.nonzero().tolist():
                place = (pooled[:, i:i + 7, j:j + 7] * layer.conv.weight).sum()
                out.append(y[i, j] / (1 + (-place).exp()))
        else:
            out.extend(y[is_seen])
    return torch.stack(out)


@pytest.mark.parametrize('is_whole', [False, True])
@pytest.mark.parametrize('kind', [x for x in GRN_TYPES if x != 'GRN'])
def test_equals_the_formula(kind, is_whole):
    layer = make(kind)
    x = torch.randn(2, 4, 5, _C, dtype=torch.float64)
    seen = torch.rand(2, 4, 5) < 0.5
    # What is not visible is finite and counts for nothing.
    x[~seen] = 100.
    visible = seen[..., None].double()
    if is_whole:
        visible, seen = None, torch.ones_like(seen)
    found = layer(x, visible)
    expected = formula(kind, layer, x, seen)
    torch.testing.assert_close(found[seen], expected, rtol=0, atol=1e-12)
    if kind == 'BN':
        mean = 0.1 * x[seen].mean(0)
        torch.testing.assert_close(layer.norm.running_mean, mean)


def test_se_is_mmpretrains():
    ours, theirs = make('SE'), SELayer(_C, squeeze_channels=2).double()
    for part, conv in zip(ours.mlp[::2], (theirs.conv1, theirs.conv2)):
        conv.conv.weight.data.copy_(part.weight[..., None, None])
        conv.conv.bias.data.copy_(part.bias)
    x = torch.randn(2, 3, 4, _C, dtype=torch.float64)
    expected = theirs(x.movedim(-1, 1)).movedim(1, -1)
    torch.testing.assert_close(ours(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize('kind, millions', [
    ('GRN', 89), ('LRN', 89), ('BN', 89), ('LN', 89), ('SE', 109),
    ('CBAM', 109)])
def test_parameters_as_table_2_prints(kind, millions):
    with torch.device('meta'):
        model = ConvNeXtV2('base', grn_cfg=dict(type=kind))
    head = 1024 * 1000 + 1000
    count = sum(x.numel() for x in model.parameters()) + head
    assert count / 1e6 == pytest.approx(millions, rel=0.01)


def test_batch_norm_packed_is_dense():
    arch = dict(depths=[1, 2], channels=[8, 16])
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    is_masked = torch.rand(3, 4, 4) < 0.5
    is_masked[:, 0, 0] = False
    found = []
    for impl in ('packed', 'dense'):
        torch.manual_seed(0)
        model = ConvNeXtV2(arch, grn_cfg=dict(type='BN'), masked_impl=impl,
                           final_norm=False).double()
        found.append(model(images, is_masked)[0])
        # Bit for bit, whatever masked pixels hold.
        hidden = is_masked.repeat_interleave(8, 1).repeat_interleave(8, 2)
        again = model(images.masked_fill(hidden[:, None], 7.), is_masked)[0]
        assert torch.equal(found[-1], again)
    torch.testing.assert_close(*found, rtol=0, atol=1e-10)
