"""Training the backbone: drop path, freezing, recomputing, precision."""
import pytest
import torch
from timm_reference import randomise, relative_error, saved_bytes
from torch import nn

from mmconvnextv2 import ConvNeXtV2

SMALL = dict(depths=[1, 2, 1], channels=[4, 6, 8])


def rates(model):
    return [
        getattr(block.drop_path, 'drop_prob', 0.) for stage in model.stages
        for block in stage
    ]


@pytest.mark.parametrize('arch, rate', [
    ('atto', 0.1), ('tiny', 0.2), (SMALL, 0.6),
    (dict(depths=[1], channels=[4]), 0.5)])
def test_drop_path_rates_rise_linearly(arch, rate):
    found = rates(ConvNeXtV2(arch, drop_path_rate=rate))
    steps = max(len(found) - 1, 1)
    assert found == pytest.approx(
        [rate * i / steps for i in range(len(found))], rel=1e-6)
    assert found[0] == 0.
    assert not any(rates(ConvNeXtV2(arch)))


@pytest.mark.parametrize('n', [-1, 0, 1, 2, 3])
def test_freezing(n):
    model = randomise(
        ConvNeXtV2(
            SMALL,
            drop_path_rate=.5,
            frozen_stages=n,
            out_indices=(0, 1, 2),
            gap_before_final_norm=False))
    assert model.train() is model
    assert model.train(False) is model and not model.training
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    for i in range(3):
        for part in (model.downsample_layers[i], model.stages[i]):
            for module in part.modules():
                assert module.training is (i >= n)
            assert all(p.requires_grad is (i >= n) for p in part.parameters())
    # Every parameter, frozen or not, is given to the optimizer.
    optimizer = torch.optim.SGD(model.parameters(), lr=.1, weight_decay=.1)
    outs = model(torch.randn(8, 3, 17, 21))
    sum(out.square().sum() for out in outs).backward()
    optimizer.step()
    for name, value in model.state_dict().items():
        kind, stage = name.split('.')[:2]
        is_frozen = kind[:4] != 'norm' and int(stage) < n
        assert torch.equal(value, before[name]) is is_frozen, name


@pytest.mark.parametrize('kwargs', [
    dict(), dict(drop_path_rate=.5), dict(drop_path_rate=.5, frozen_stages=1),
    dict(use_grn=False, layer_scale_init_value=.1),
    dict(final_norm=False, masked_impl='packed'),
    dict(final_norm=False, masked_impl='dense')])
def test_recomputing_changes_nothing(kwargs):
    is_masked = [torch.rand(8, 1, 2).argsort(-1) > 0] * (
        'masked_impl' in kwargs)
    x = torch.randn(8, 3, 16, 32)
    results = []
    for with_cp in (False, True):
        model = randomise(ConvNeXtV2(SMALL, with_cp=with_cp, **kwargs))
        torch.manual_seed(3)
        out, = model.train()(x, *is_masked)
        out.square().sum().backward()
        results.append((out, [p.grad for p in model.parameters()]))
    (out, grads), (out_cp, grads_cp) = results
    assert torch.equal(out, out_cp)
    assert sum(g is not None for g in grads) > 10
    for a, b in zip(grads, grads_cp):
        assert (a is None and b is None) or torch.equal(a, b)


def test_recomputing_saves_memory():
    x = torch.randn(2, 3, 64, 64)
    full, less = (
        saved_bytes(ConvNeXtV2('atto', with_cp=cp), x)
        for cp in (False, True))
    assert less < 0.3 * full


@pytest.mark.parametrize('dtype, tolerance', [(torch.bfloat16, 0.03),
                                              (torch.float16, 0.004)])
def test_autocast(dtype, tolerance):
    model = randomise(
        ConvNeXtV2(
            'atto', out_indices=(0, 1, 2, 3), gap_before_final_norm=False))
    x = torch.randn(2, 3, 64, 64)
    expected = model(x)
    with torch.autocast('cpu', dtype=dtype):
        outs = model(x)
    for a, b in zip(outs, expected):
        assert relative_error(a.float(), b) < tolerance
    sum(out.float().mean() for out in outs).backward()
    for name, p in model.named_parameters():
        assert p.grad.isfinite().all() and p.grad.abs().sum() > 0, name


@pytest.mark.parametrize('version', [
    dict(), dict(use_grn=False, layer_scale_init_value=1e-6)])
def test_every_parameter_is_trained(version):
    model = ConvNeXtV2(SMALL, out_indices=(0, 2), **version)
    model.init_weights()
    for block in (b for stage in model.stages for b in stage):
        if block.grn is not None:
            nn.init.normal_(block.grn.gamma)
    outs = model(torch.randn(2, 3, 24, 16))
    sum((out * torch.randn_like(out)).sum() for out in outs).backward()
    for name, p in model.named_parameters():
        assert p.grad is not None and p.grad.abs().sum() > 0, name
