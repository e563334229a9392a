"""Operators in bfloat16 on a CPU, against float64 and PyTorch's autocast."""
import contextlib
import copy

import pytest
import torch
from operators import second_gradients
from torch import nn

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.ops import dispatch, linear
from mmconvnextv2.ops.layer_norm import layer_norm

BF16 = torch.bfloat16
# Wide and narrow maps of GRN; the first in more than one tile.
ARCH = dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32])


@pytest.fixture(autouse=True)
def fast_bf16(monkeypatch):
    """Operators in bfloat16 on any CPU, by PyTorch's products if need be."""
    if not linear._has_bf16_instructions():
        monkeypatch.setattr(dispatch, 'has_fast_bf16', lambda: True)


def make_model(seed, masked_impl):
    torch.manual_seed(seed)
    model = ConvNeXtV2(ARCH, final_norm=masked_impl is None,
                       gap_before_final_norm=False,
                       masked_impl=masked_impl or 'packed')
    for name, parameter in model.named_parameters():
        if 'grn' in name:
            nn.init.normal_(parameter, std=0.3)
    return model


def results(model, images, mask, how, cotangent=None):
    """The output and all gradients, in float64."""
    model = copy.deepcopy(model)
    if how == 'float64':
        model, images = model.double(), images.double()
    if how == 'module':
        model, images = model.bfloat16(), images.to(BF16)
    with torch.autocast('cpu', BF16, enabled=how == 'autocast'):
        y, = model(images, mask)
    if cotangent is None:
        cotangent = torch.randn_like(y)
    y.backward(cotangent.to(y.dtype))
    return [y.detach().double(), cotangent,
            *(p.grad.double() for p in model.parameters())]


@pytest.mark.parametrize('masked_impl', [None, 'packed', 'dense'])
@pytest.mark.parametrize('how', ['autocast', 'module'])
def test_errors_are_not_above_pytorchs(masked_impl, how):
    sums = dict(ours=0., layers=0.)
    for seed in range(3):
        model = make_model(seed, masked_impl)
        images = torch.randn(2, 3, 256, 128)
        mask = None
        if masked_impl:
            mask = torch.rand(2, 8, 4) < 0.6  # counts differ
        with dispatch.plain_layers():
            expected = results(model, images, mask, 'float64')
        for name in sums:
            with contextlib.ExitStack() as stack:
                if name == 'layers':
                    stack.enter_context(dispatch.plain_layers())
                found = results(model, images, mask, how, expected[1])
            errors = [float((a - b).norm() / b.norm())
                      for a, b in zip(found, expected)]
            assert max(errors) < 0.1
            sums[name] += sum(errors)
    assert sums['ours'] <= 1.02 * sums['layers']


def test_keeps_half_of_float32():
    block = make_model(0, None).stages[0][0]
    x = torch.randn(2, 8, 16, 16).to(memory_format=torch.channels_last)
    own = {p.data_ptr() for p in block.parameters()}

    def kept(x, is_half):
        found = []
        with torch.autograd.graph.saved_tensors_hooks(
                lambda t: found.append(t) or t, lambda t: t), torch.autocast(
                    'cpu', BF16, enabled=is_half):
            block(x)
        return sum(t.nbytes for t in found if t.data_ptr() not in own)

    assert kept(x.to(BF16), True) <= 0.55 * kept(x, False)


def test_statistics_of_grn_are_float32():
    model = make_model(0, None)
    block = model.stages[0][0].bfloat16()
    norms = []
    with torch.autograd.graph.saved_tensors_hooks(
            lambda t: norms.append(t) or t, lambda t: t):
        block(torch.randn(2, 8, 4, 4).to(BF16))
    found, = [t for t in norms if t.shape == (2, 32) and t.dtype != BF16]
    assert found.dtype == torch.float32


def test_layer_norm_sums_over_many_sites_in_float32():
    # In bfloat16 they stop growing at 256.
    x = torch.randn(40_000, 8).to(BF16).requires_grad_()
    weight, bias = (torch.ones(8, dtype=BF16, requires_grad=True)
                    for _ in range(2))
    y = layer_norm(x, weight, bias, 1e-6)
    y.backward(torch.ones_like(y))
    assert bias.grad.tolist() == [39936.] * 8  # the nearest in bfloat16


def test_layer_norm_of_no_rows_and_gradients_of_gradients():
    weight, bias = torch.ones(4), torch.zeros(4)
    x = torch.zeros(0, 4, dtype=BF16, requires_grad=True)
    layer_norm(x, weight, bias, 1e-6).sum().backward()
    assert x.grad.shape == (0, 4)
    leaves = [torch.randn(5, 4).to(BF16).requires_grad_(),
              weight.requires_grad_(), bias.requires_grad_()]
    found = second_gradients(lambda *t: layer_norm(*t, 1e-6), leaves)
    wide = [t.detach().double().requires_grad_() for t in leaves]
    expected = second_gradients(
        lambda x, w, b: nn.functional.layer_norm(x, (4, ), w, b, 1e-6), wide)
    for a, b in zip(found, expected):
        assert (a.double() - b).norm() <= 0.05 * b.norm()
