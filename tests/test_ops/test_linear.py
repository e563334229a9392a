"""oneDNN's product, its fallback, and what is asked of it."""
import pytest
import torch
from torch.nn import functional as F

from mmconvnextv2.ops import linear as module
from mmconvnextv2.ops.linear import linear, linear_gelu


@pytest.fixture(params=['onednn', 'pytorch'])
def product(request, monkeypatch):
    """Both products; which one ran is counted."""
    calls = []
    onednn = module._onednn_linear
    if request.param == 'onednn' and onednn is None:
        pytest.skip('this PyTorch has no oneDNN')
    monkeypatch.setattr(
        module, '_onednn_linear', None if request.param == 'pytorch' else
        lambda *arguments: calls.append(1) or onednn(*arguments))
    yield request.param
    assert bool(calls) == (request.param == 'onednn')


# A tall map as in the first stage, one image's last stage, and odd numbers.
@pytest.mark.parametrize('shape, channels', [((3136, 96), 384),
                                             ((4, 49, 768), 3072),
                                             ((3, 5, 7), 11), ((1, 1), 1)])
@pytest.mark.parametrize('transposed', [False, True])
@pytest.mark.parametrize('has_bias', [False, True])
def test_equals_float64(product, shape, channels, transposed, has_bias):
    x = torch.randn(*shape)
    weight = torch.randn(channels, shape[-1])
    if transposed:
        weight = weight.t().contiguous().t()
    bias = torch.randn(channels) if has_bias else None
    expected = F.linear(x.double(), weight.double(),
                        None if bias is None else bias.double())
    tolerance = dict(rtol=1e-5, atol=2e-5 * shape[-1]**0.5)
    torch.testing.assert_close(
        linear(x, weight, bias).double(), expected, **tolerance)
    out = torch.full(expected.shape, float('nan'))
    assert linear(x, weight, bias, out=out) is out
    torch.testing.assert_close(out.double(), expected, **tolerance)
    torch.testing.assert_close(
        linear_gelu(x, weight, bias).double(), F.gelu(expected), **tolerance)


def test_gelu_is_exact_not_tanh(product):
    x = torch.linspace(-6, 6, 4001)[:, None]
    found = linear_gelu(x, torch.ones(1, 1), torch.zeros(1))
    expected = F.gelu(x.double())
    assert (found - expected).abs().max() < 2e-6
    # tanh's approximation is off by more than a hundred times that.
    tanh = F.gelu(x.double(), approximate='tanh')
    assert (tanh - expected).abs().max() > 2e-4


@pytest.mark.parametrize('dtype, enabled', [
    (torch.float64, True), (torch.bfloat16, True), (torch.float32, False)])
def test_others_take_pytorchs(dtype, enabled, monkeypatch):
    monkeypatch.setattr(module, '_has_bf16_instructions', lambda: False)
    monkeypatch.setattr(module, '_onednn_linear', pytest.fail)
    x, weight = torch.randn(5, 3).to(dtype), torch.randn(4, 3).to(dtype)
    with torch.backends.mkldnn.flags(enabled=enabled):
        assert torch.equal(linear(x, weight), F.linear(x, weight))
        assert torch.equal(
            linear_gelu(x, weight, None), F.gelu(F.linear(x, weight)))
