import pytest
import torch
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers.norm import LayerNorm


def gradients(norm, x, grad):
    y = norm(x)
    return y, *torch.autograd.grad(y, (x, norm.weight, norm.bias), grad)


@pytest.mark.parametrize('dtype, bound', [(torch.float16, 1e-3),
                                          (torch.bfloat16, 5e-3)])
@pytest.mark.parametrize('in_half', [False, True])
def test_sums_over_many_sites(dtype, bound, in_half):
    norm = LayerNorm(40, eps=1e-6)
    nn.init.normal_(norm.weight)
    if in_half:
        norm = norm.to(dtype)
    exact = nn.LayerNorm(40, eps=1e-6).double()
    exact.load_state_dict(norm.state_dict())
    x = torch.randn(1, 256, 256, 40).to(dtype).requires_grad_()
    # All of one sign; a plain LayerNorm's sums stop at a tenth.
    grad = torch.rand(x.shape).to(dtype)
    # Sums of float16 parameters are to end below 65504.
    grad = grad / 4
    with torch.autocast('cpu', dtype):
        found = gradients(norm, x, grad)
    expected = gradients(exact, x.detach().double().requires_grad_(),
                         grad.double())
    assert found[0].dtype == dtype
    for a, b in zip(found, expected):
        assert (a - b).norm() < bound * b.norm()


def test_float32_is_pytorchs_own():
    norm, plain = LayerNorm(6), nn.LayerNorm(6)
    x = torch.randn(2, 3, 3, 6, requires_grad=True)
    for a, b in zip(gradients(norm, x, x.detach()),
                    gradients(plain, x, x.detach())):
        assert torch.equal(a, b)
    assert repr(norm) == repr(plain)


def test_every_norm_of_the_backbone():
    model = ConvNeXtV2('atto', out_indices=(0, 1, 2, 3))
    norms = [x for x in model.modules() if isinstance(x, nn.LayerNorm)]
    assert len(norms) == 4 + 12 + 4
    assert all(isinstance(x, LayerNorm) for x in norms)
