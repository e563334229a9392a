import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from operators import KERNELS, assert_close, by_layers, with_grads
from strategies import SEEDS, noise
from torch.nn import functional as F

from mmconvnextv2.ops.depthwise import depthwise


@st.composite
def convolutions(draw, most=9):
    """Input (N, C, H, W), weight and bias of a depthwise convolution."""
    n, channels = draw(st.integers(1, 3)), draw(st.integers(1, 19))
    height, width = draw(st.integers(1, most)), draw(st.integers(1, most))
    size, seed = draw(KERNELS), draw(SEEDS)
    return inputs((n, channels, height, width), size, seed,
                  channels_last=draw(st.booleans()))


def inputs(shape=(2, 5, 6, 9), size=7, seed=0, channels_last=True):
    x = noise(*shape, seed=seed)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    weight = noise(shape[1], 1, size, size, seed=seed + 1)
    leaves = [x, weight, noise(shape[1], seed=seed + 2)]
    return [leaf.requires_grad_() for leaf in leaves]


def assert_equals_convolution(leaves, dtype, grad):
    expected = with_grads(by_layers, leaves, grad)
    typed = [x.detach().to(dtype).requires_grad_() for x in leaves]
    found = with_grads(depthwise, typed, grad.to(dtype))
    assert_close(found, [x.to(dtype) for x in expected],
                 1e-10 if dtype == torch.float64 else 1e-5)


@given(
    leaves=convolutions(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    expanded=st.booleans())
def test_equals_convolution(leaves, dtype, expanded):
    grad = noise(*leaves[0].shape, seed=5)
    if expanded:  # As a mean over the sites passes it on.
        grad = grad[:, :, :1, :1].expand_as(leaves[0])
    assert_equals_convolution(leaves, dtype, grad)


# More than are taken as one kernel, and as many.
@pytest.mark.parametrize('shape, size, most', [
    ((1, 8, 70, 33), 7, 28 * 28), ((2, 3, 57, 29), 7, 28 * 28),
    ((1, 4, 2, 85), 5, 2 * 28), ((1, 2, 56, 30), 7, 56 * 30),
    ((1, 3, 56, 112), 7, 28 * 28)])
def test_large_maps_are_no_kernels(monkeypatch, shape, size, most):
    # For each size of kernel oneDNN keeps code, as large as the kernel.
    sizes, conv2d = [], F.conv2d

    def counting(x, weight, *args, **kwargs):
        sizes.append(weight.shape[2] * weight.shape[3])
        return conv2d(x, weight, *args, **kwargs)

    monkeypatch.setattr(F, 'conv2d', counting)
    assert_equals_convolution(
        inputs(shape, size), torch.float32, noise(*shape, seed=5))
    assert max(sizes) == most


@pytest.mark.parametrize('wanted', [0, 1, 2])
def test_only_what_is_asked_for(wanted):
    arguments = [x.detach().float().requires_grad_(i == wanted)
                 for i, x in enumerate(inputs())]
    depthwise(*arguments).sum().backward()
    assert [x.grad is not None for x in arguments] == [
        i == wanted for i in range(3)
    ]
