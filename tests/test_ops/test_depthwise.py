import pytest
import torch
from torch.nn import functional as F

from mmconvnextv2.ops.depthwise import depthwise


def inputs(shape=(2, 5, 6, 9), size=7, dtype=torch.float32):
    torch.manual_seed(0)
    channels = shape[1]
    x = torch.randn(shape, dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(channels, 1, size, size, dtype=dtype)
    bias = torch.randn(channels, dtype=dtype)
    return [x, weight.requires_grad_(), bias.requires_grad_()]


def in_float64(arguments, grad):
    """Output and gradients of PyTorch's own convolution."""
    exact = [x.detach().double().requires_grad_() for x in arguments]
    channels, _, size, _ = exact[1].shape
    out = F.conv2d(*exact, padding=size // 2, groups=channels)
    return out, torch.autograd.grad(out, exact, grad.double())


@pytest.mark.parametrize('shape, size', [
    ((2, 5, 6, 9), 7), ((3, 16, 1, 1), 7), ((1, 17, 3, 2), 7),
    ((2, 4, 5, 40), 3), ((1, 8, 70, 33), 7), ((2, 3, 4, 4), 1),
    ((2, 3, 57, 29), 7), ((1, 4, 2, 85), 5), ((1, 3, 56, 112), 7)])
def test_equals_convolution(shape, size):
    arguments = inputs(shape, size)
    out = depthwise(*arguments)
    grad = torch.randn_like(out)
    expected, expected_grads = in_float64(arguments, grad)
    assert (out - expected).norm() < 1e-6 * expected.norm()
    for a, b in zip(torch.autograd.grad(out, arguments, grad),
                    expected_grads):
        assert a.shape == b.shape
        assert (a - b).norm() < 1e-6 * b.norm()


def test_gradients():
    arguments = inputs((2, 2, 3, 4), 3, torch.float64)
    assert torch.autograd.gradcheck(depthwise, arguments)
    assert torch.autograd.gradgradcheck(depthwise, arguments)


@pytest.mark.parametrize('wanted', [0, 1, 2])
def test_only_what_is_asked_for(wanted):
    arguments = [
        x.detach().requires_grad_(i == wanted)
        for i, x in enumerate(inputs())
    ]
    depthwise(*arguments).sum().backward()
    assert [x.grad is not None for x in arguments] == [
        i == wanted for i in range(3)
    ]


def test_inputs_of_any_strides():
    x, weight, bias = inputs()
    grad = torch.randn(x.shape)
    results = []
    for other in (x, x.contiguous(), x.flip(2).flip(2),
                  x.repeat(1, 1, 1, 2)[..., :9]):
        out = depthwise(other, weight, bias)
        results.append(
            torch.autograd.grad(out, weight, grad.expand_as(out))[0])
    for other in results[1:]:
        torch.testing.assert_close(other, results[0])


def test_weight_gradient_does_not_depend_on_other_images():
    x, weight, bias = inputs()
    whole = torch.autograd.grad(depthwise(x, weight, bias).sum(), weight)[0]
    parts = [
        torch.autograd.grad(
            depthwise(image[None], weight, bias).sum(), weight)[0]
        for image in x
    ]
    torch.testing.assert_close(whole, sum(parts))


@pytest.mark.parametrize('shape, most', [((1, 2, 56, 30), 56 * 30),
                                         ((1, 2, 57, 30), 28 * 28),
                                         ((1, 2, 130, 243), 28 * 28)])
def test_large_maps_are_no_kernels(monkeypatch, shape, most):
    # For each size of kernel oneDNN keeps code, as large as the kernel.
    x, weight, bias = inputs(shape)
    out = depthwise(x, weight, bias)
    sizes, conv2d = [], F.conv2d

    def counting(x, weight, *args, **kwargs):
        sizes.append(weight.shape[2] * weight.shape[3])
        return conv2d(x, weight, *args, **kwargs)

    monkeypatch.setattr(F, 'conv2d', counting)
    out.sum().backward()
    assert max(sizes) == most
