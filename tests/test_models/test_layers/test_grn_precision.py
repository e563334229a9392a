"""GRN in half precision: any magnitude, and maps of 1024 x 1024 pixels."""
import copy

import pytest
import torch
from grn_reference import grn_by_hand, random_grn
from timm_reference import relative_error
from torch import nn

from mmconvnextv2 import GRN, ConvNeXtV2
from mmconvnextv2.models.layers.block import ConvNeXtV2Block
from mmconvnextv2.models.layers.masked_layout import DENSE_GRID, build_layout
from mmconvnextv2.ops.dispatch import plain_layers

HALF = (torch.float16, torch.bfloat16)
_SIDE, _CHANNELS = 256, 160  # sites of the first stage of atto; 4 x 40


@pytest.mark.parametrize('dtype', HALF)
@pytest.mark.parametrize('magnitude', [1e-4, 1., 1e4])
@pytest.mark.parametrize('in_half', [False, True])
def test_values_and_gradients(dtype, magnitude, in_half):
    grn = GRN(_CHANNELS)
    nn.init.normal_(grn.gamma, std=0.5)
    nn.init.normal_(grn.beta, std=0.1 * magnitude)
    # Channels that differ tenfold, as activations do; at most 6e4 in float16.
    spread = torch.logspace(-1, 0, _CHANNELS)
    x = magnitude * spread * torch.randn(1, _SIDE, _SIDE, _CHANNELS).clamp(
        -2, 2)
    x = x.to(dtype).requires_grad_()
    grad = torch.randn(x.shape).to(dtype)
    leaves = (x, *grn.to(dtype if in_half else torch.float32).parameters())
    with torch.autocast('cpu', dtype, enabled=not in_half):
        y = grn(x)
    found = torch.autograd.grad(y, leaves, grad)
    exact = [leaf.detach().double().requires_grad_() for leaf in leaves]
    expected = grn_by_hand(*exact, grn.eps)
    # A single rounding: at most half a unit in the last place. float16 ends
    # at 6e-8, which is some 1e-3 of the smallest values here.
    unit = torch.finfo(dtype).eps / 2
    bound = max(unit, 1e-3 if magnitude < 1e-3 else 0)
    errors = [relative_error(y, expected)]
    for a, b in zip(found, torch.autograd.grad(expected, exact,
                                               grad.double())):
        errors.append(relative_error(a, b))
    print(dtype, magnitude, [f'{e:.1e}' for e in errors])
    assert y.dtype == found[0].dtype == dtype
    assert max(errors[:2]) < bound
    # float32 sums over 65536 sites.
    assert in_half or max(errors[2:]) < 3e-5


def block_of(magnitude):
    """A block whose GRN sees activations of a magnitude."""
    block = ConvNeXtV2Block(_CHANNELS // 4)
    for p in block.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=p[0].numel()**-0.5)
    nn.init.normal_(block.grn.gamma, std=0.5)
    with torch.no_grad():
        block.pointwise_conv1.weight.mul_(magnitude)
        block.pointwise_conv2.weight.div_(magnitude)
    return block


def block_results(block, x, layout):
    """Output of the residual branch, and the gradients by name."""
    x = x.detach().requires_grad_()
    leaves = dict(x=x, **dict(block.named_parameters()))
    y = block(x, layout) - x
    # As after a mean over the sites, times a loss scale.
    grad = 0.1 * torch.ones_like(y) * (y.detach() > 0)
    grads = torch.autograd.grad(y, leaves.values(), grad)
    return dict(zip(['y', *leaves], [y.detach(), *grads]))


@pytest.fixture(params=['whole', 'packed'])
def layout(request):
    """The layout of the first stage and the shape of its map."""
    if request.param == 'whole':
        return DENSE_GRID, (1, _CHANNELS // 4, _SIDE, _SIDE)
    # 40 % of the patches are visible.
    is_masked = torch.randperm(1024).view(1, 32, 32) >= 409
    packed = build_layout('packed', torch.empty(1, 1, 1024, 1024), is_masked,
                          32, (8, ))
    return packed, (1, _CHANNELS // 4, 409 * 8, 8)


# What the GRN sees ends float16's range, or its precision: the values of the
# block are still right. Gradients of the linear layers next to it would need
# a loss scale of their own there, so they are compared at 1 only.
@pytest.mark.slow
@pytest.mark.parametrize('dtype, magnitude, bound, grad_bound', [
    (torch.float32, 1e-4, 1e-5, 1e-3), (torch.float32, 1e4, 1e-5, 1e-3),
    (torch.float16, 1e-4, 1e-2, None), (torch.float16, 1., 1e-2, 5e-2),
    (torch.float16, 2e3, 1e-2, None), (torch.bfloat16, 1e-4, 1e-2, 0.1),
    (torch.bfloat16, 1e4, 1e-2, 0.1)])
def test_block(layout, dtype, magnitude, bound, grad_bound):
    layout, shape = layout
    block, x = block_of(magnitude), torch.randn(shape)
    with torch.autocast('cpu', dtype, enabled=dtype != torch.float32):
        found = block_results(block, x, layout)
    with plain_layers():
        expected = block_results(
            copy.deepcopy(block).double(), x.double(), layout)
    errors = {k: relative_error(found[k], x) for k, x in expected.items()
              if k == 'y' or grad_bound}
    print(dtype, magnitude, {k: f'{e:.1e}' for k, e in errors.items()})
    assert errors.pop('y') < bound
    assert all(error < grad_bound for error in errors.values())


@pytest.mark.slow
@pytest.mark.parametrize('masked', [False, True], ids=['whole', 'packed'])
@pytest.mark.parametrize('dtype', HALF)
def test_training_step_of_atto(dtype, masked):
    model = ConvNeXtV2('atto', final_norm=False)
    model.init_weights()
    for block in (b for stage in model.stages for b in stage):
        nn.init.normal_(block.grn.gamma, std=0.5)
    images = torch.randn(1, 3, 1024, 1024)
    mask = [torch.randperm(1024).view(1, 32, 32) >= 409] * masked
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def loss_of(**autocast):
        with torch.autocast('cpu', dtype, **autocast):
            return model(images, *mask)[0].float().square().mean()

    expected = loss_of(enabled=False).detach()
    loss = loss_of()
    loss.backward()
    error = (loss.detach() / expected - 1).abs().item()
    print(dtype, mask and 'packed', f'loss {loss:.4f}, error {error:.1e}')
    assert error < 0.02
    assert all(p.grad.isfinite().all() for p in model.parameters())
    optimizer.step()
    assert loss_of().isfinite()


LARGEST = [(torch.float16, 1e4), (torch.float16, 6e4), (torch.bfloat16, 6e4),
           (torch.bfloat16, 1e30), (torch.float32, 1e30)]


@pytest.mark.parametrize('dtype, magnitude', [
    (dtype, 0.) for dtype in (*HALF, torch.float32)
] + LARGEST)
@pytest.mark.parametrize('gamma', [0., -0.5])
def test_finite_for_zero_and_very_large_inputs(dtype, magnitude, gamma):
    grn = GRN(8)
    nn.init.constant_(grn.gamma, gamma)
    x = torch.full((2, 56, 56, 8), magnitude, dtype=dtype, requires_grad=True)
    y = grn(x)
    # All channels are alike, so n is 1, or 0 for zeros.
    scale = 1 + gamma * (magnitude > 0)
    torch.testing.assert_close(y, scale * x)
    y.float().sum().backward()
    # n does not move with x, nor with a capped norm: dy/dx is the scale.
    torch.testing.assert_close(x.grad, torch.full_like(x, scale))
    torch.testing.assert_close(grn.gamma.grad, x.detach().float().sum(
        (0, 1, 2)))
    torch.testing.assert_close(grn.beta.grad, torch.full((8, ), 2. * 56 * 56))


@pytest.mark.parametrize('dtype, magnitude', LARGEST)
def test_large_and_zero_side_by_side(dtype, magnitude):
    grn = random_grn(8)
    x = torch.zeros(2, 4, 4, 8, dtype=dtype)
    x[0, ..., :4] = magnitude
    x.requires_grad_(True)
    # n is 2 for the four channels that are not zero.
    scale = 1 + 2 * grn.gamma[:4]
    y = grn(x)
    expected = (magnitude * scale.double() + grn.beta[:4]).to(dtype)
    torch.testing.assert_close(y[0, 0, 0, :4], expected)
    torch.testing.assert_close(
        y[1], grn.beta.to(dtype).expand_as(y[1]))
    y[y.isfinite()].float().sum().backward()
    for grad in (x.grad, grn.gamma.grad, grn.beta.grad):
        assert grad.isfinite().all()
