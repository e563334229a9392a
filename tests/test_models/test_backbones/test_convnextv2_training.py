"""Training the backbone: drop path, freezing, recomputing, precision."""
import pytest
import torch
from timm_reference import randomise, relative_error, saved_bytes

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers import ConvNeXtV2Block

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


@pytest.mark.parametrize('memory', [torch.contiguous_format,
                                    torch.channels_last])
def test_drop_path_skips_whole_images(memory):
    block = randomise(ConvNeXtV2Block(4, drop_path_rate=0.5))
    x = torch.randn(64, 4, 3, 3).contiguous(memory_format=memory)
    full = block.eval()(x) - x
    residual = block.train()(x) - x
    kept = residual.flatten(1).abs().amax(1) > 0
    assert 16 < kept.sum() < 48
    torch.testing.assert_close(residual[kept], 2 * full[kept])


@pytest.mark.parametrize('n', [-1, 0, 1, 2, 3])
def test_freezing(n):
    model = randomise(
        ConvNeXtV2(
            SMALL, drop_path_rate=.5, frozen_stages=n, out_indices=(0, 1, 2),
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
def test_recomputing_changes_nothing(kwargs, monkeypatch):
    compute, blocks = ConvNeXtV2Block._forward, []
    monkeypatch.setattr(
        ConvNeXtV2Block, '_forward',
        lambda self, *args: blocks.append(self) or compute(self, *args))
    is_masked = [torch.rand(8, 1, 2).argsort(-1) > 0] * (
        'masked_impl' in kwargs)
    x = torch.randn(8, 3, 16, 32)
    results = []
    for with_cp in (False, True):
        model = randomise(ConvNeXtV2(SMALL, with_cp=with_cp, **kwargs))
        torch.manual_seed(3)
        out, = model.train()(x, *is_masked)
        out.square().sum().backward()
        # What comes after draws the same, too.
        results.append((torch.cat([out.flatten(), torch.rand(3)]),
                        [p.grad for p in model.parameters()]))
    assert len(blocks) in (4 + 8, 4 + 7)  # one without gradients is not
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
