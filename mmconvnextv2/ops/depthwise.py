"""Depthwise convolution whose weight gradient is fast on a CPU."""
from typing import Iterator, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .double_backward import needs_layers, without_autocast
from .linear import has_fast_bf16, type_of_sums

# Sites per side of the largest map that is taken as a kernel whole, and of the
# tiles of larger ones: for each size of kernel oneDNN compiles code, of about
# 500 bytes a site, and keeps it. With images of ever new sizes that adds up.
_WHOLE = 56
_TILE = 28


def _tiles(image: Tensor, grad: Tensor,
           margin: int) -> Iterator[Tuple[Tensor, Tensor]]:
    """Cut the padded image and a gradient (C, H, W) into matching tiles."""
    for i in range(0, grad.shape[1], _TILE):
        rows = image[:, :, i:i + _TILE + margin]
        for j in range(0, grad.shape[2], _TILE):
            yield (rows[..., j:j + _TILE + margin],
                   grad[:, i:i + _TILE, j:j + _TILE])


def _weight_gradient(x: Tensor, grad: Tensor, size: int) -> Tensor:
    """Compute the gradient of the weight (C, 1, size, size) by images.

    The entry of a tap is the product of the gradient and the shifted image,
    summed over the sites: a depthwise convolution of the image in which the
    gradient is the kernel. oneDNN has a kernel for channels-last depthwise
    convolutions, but for their weight gradient only one for full groups of 16
    channels, which does 16 times the work. Large maps are summed over tiles.
    """
    # Summed in a fixed order, so that results repeat bit for bit.
    total, padding, dtype = 0, size // 2, type_of_sums(x.dtype)
    is_large = max(grad.shape[2:]) > _WHOLE
    if is_large:  # padded as a whole, not tile by tile
        x, padding = F.pad(x, [padding] * 4), 0
    for image, kernel in zip(x.split(1), grad):
        parts = (_tiles(image, kernel, size - 1) if is_large
                 else [(image, kernel)])
        for part, taps in parts:
            # Summed in float32 at least, like all sums over sites.
            total = total + F.conv2d(
                part, taps[:, None], padding=padding,
                groups=len(taps)).to(dtype)
    return total.view(-1, 1, size, size)


def depthwise_backward(
        grad: Tensor, x: Tensor, weight: Tensor,
        needs: Sequence[bool]) -> Tuple[Optional[Tensor], ...]:
    """Compute the gradients of :func:`depthwise` that are needed, else None.

    ``grad`` is that of the output.
    """
    channels, _, size, _ = weight.shape
    fast = (
        grad.is_cpu and (grad.dtype == torch.float32 or (
            grad.dtype == torch.bfloat16 and has_fast_bf16()))
        and not needs_layers(grad))
    by_pytorch = [needs[0], *(need and not fast for need in needs[1:])]
    grads = [None] * 3
    if any(by_pytorch):
        grads = list(torch.ops.aten.convolution_backward(
            grad, x, weight, [channels], [1, 1], [size // 2] * 2, [1, 1],
            False, [0, 0], channels, by_pytorch))
    if fast and needs[1]:
        grads[1] = _weight_gradient(x, grad, size)
    if fast and needs[2]:
        grads[2] = grad.sum((0, 2, 3))
    return tuple(grads)


def convolve(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """Compute :func:`depthwise` without gradients of its own."""
    bias = None if bias is None else bias.to(x.dtype)
    return F.conv2d(x, weight.to(x.dtype), bias,
                    padding=weight.shape[-1] // 2, groups=len(weight))


class _Depthwise(torch.autograd.Function):

    @staticmethod
    @without_autocast
    def forward(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        return convolve(x, weight, bias)

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tuple[Optional[Tensor], ...]:
        x, weight = ctx.saved_tensors
        return depthwise_backward(
            grad, x, weight.to(x.dtype), ctx.needs_input_grad)


def depthwise(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """Convolve each channel with one kernel, with "same" padding.

    Args:
        x (Tensor): (N, C, H, W), best in channels-last memory. In its type
            the convolution is computed, and kept for the backward pass.
        weight (Tensor): (C, 1, k, k), k odd.
        bias (Tensor, optional): (C, ).
    """
    return _Depthwise.apply(x, weight, bias)
