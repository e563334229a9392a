"""GELU and GRN in two passes over the map before them.

The forward pass reads h for the statistics, and reads h and writes y; the
backward pass reads h and dy for sums of gradients, and reads h and dy and
writes dh: 8 times the map, where the layers move 26. Sums go over chunks
first, each by one program, so results repeat bit for bit. Figures:
benchmarks/results/2026-11-27_gpu_h100.md.
"""
from typing import Callable, Optional, Tuple

import torch
from torch import Tensor

from mmconvnextv2.ops.double_backward import (
    gelu_grn_by_layers,
    gradients_by_layers,
    needs_layers,
)
from mmconvnextv2.ops.grn_linear import largest_norm
from mmconvnextv2.ops.linear import type_of_sums
from . import gelu_grn_kernels as kernels
from .host import launch, operator, power_of_2, require_triton, rounded_up

# Sites of an image per program, and sites and channels at a time, of which a
# thread loads 16 bytes in half precision. No other size was faster by more
# than 7 % on an H100.
_CHUNK = 128
_BLOCK_S = 8
_BLOCK_E = 128


def _chunks(h: Tensor) -> int:
    return rounded_up(h.shape[1], _CHUNK)


def _launch(kernel: Callable, h: Tensor, *arguments: Optional[Tensor]) -> None:
    """Run a kernel over all chunks and channels of h (N, S, E)."""
    n, sites, channels = h.shape
    block = min(_BLOCK_E, power_of_2(channels))
    chunks = _chunks(h)
    launch(
        kernel, (n * chunks, rounded_up(channels, block)), h, *arguments,
        sites, channels, chunks, HALF=h.element_size() == 2, CHUNK=_CHUNK,
        BLOCK_S=_BLOCK_S, BLOCK_E=block)


def _launch_between(kernel: Callable, h: Tensor, *arguments,
                    eps: float) -> None:
    """Run a kernel between the passes, over all images of h (N, S, E)."""
    channels = h.shape[2]
    block = power_of_2(channels)
    launch(
        kernel, (len(h), ), *arguments, channels, _chunks(h),
        LARGEST=largest_norm(type_of_sums(h.dtype)), EPS=eps, BLOCK=block,
        num_warps=min(16, max(1, block // 256)))


def _new(h: Tensor, *per_image: int) -> Tensor:
    return h.new_empty(
        len(h), *per_image, h.shape[2], dtype=type_of_sums(h.dtype))


@operator(lambda h, *_: (torch.empty_like(h), _new(h)))
def gelu_grn_forward(h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
                     visible: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
    """Compute y (N, S, E), and norms (N, E) for the backward pass."""
    squares, out = _new(h, _chunks(h)), torch.empty_like(h)
    norms, scale = _new(h), _new(h)
    # GELU is computed twice from h, which is less than to keep it.
    _launch(kernels.square_sums, h, visible, squares)
    _launch_between(kernels.norms_and_scale, h, squares, gamma, norms,
                    scale, eps=eps)
    _launch(kernels.scale_and_shift, h, visible, scale, beta, out)
    return out, norms


@operator(lambda grad, h, gamma, norms, *_: (torch.empty_like(h),
                                             norms.new_empty(2, h.shape[2])))
def gelu_grn_backward(grad: Tensor, h: Tensor, gamma: Tensor, norms: Tensor,
                      eps: float,
                      visible: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
    """Compute the gradients of h, and of gamma and beta (2, E)."""
    by_scale, by_beta = _new(h, _chunks(h)), _new(h, _chunks(h))
    grad_h = torch.empty_like(h)
    # One allocation: two factors of the last pass, two parameters' gradients.
    buffer = norms.new_empty(4, *norms.shape)
    by_norm, scale = buffer[:2]
    _launch(kernels.gradient_sums, h, visible, grad, by_scale, by_beta)
    _launch_between(
        kernels.gradients_of_statistics, h, by_scale, by_beta, norms,
        gamma, by_norm, scale, buffer[2:], len(h), eps=eps)
    _launch(kernels.gradient_of_input, h, visible, grad, scale, by_norm,
            grad_h)
    return grad_h, buffer[2:].sum(1)


class _GELUGRN(torch.autograd.Function):

    @staticmethod
    def forward(ctx, h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
                visible: Optional[Tensor]) -> Tensor:
        out, norms = gelu_grn_forward(h, gamma, beta, eps, visible)
        ctx.save_for_backward(h, gamma, beta, visible, norms)
        ctx.eps = eps
        return out

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        h, gamma, beta, visible, norms = ctx.saved_tensors
        if needs_layers(grad):
            shown = None if visible is None else visible[..., None]
            return (*gradients_by_layers(
                ctx, lambda *inputs: gelu_grn_by_layers(
                    *inputs, ctx.eps, shown), (h, gamma, beta), grad), None,
                None)
        grad_h, (grad_gamma, grad_beta) = gelu_grn_backward(
            grad.contiguous(), h, gamma, norms, ctx.eps, visible)
        return grad_h, grad_gamma, grad_beta, None, None


def gelu_grn(h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
             visible: Optional[Tensor] = None) -> Tensor:
    """Apply GELU, then GRN (ConvNeXt V2, Algorithm 1), by Triton kernels.

    Equal to the layers one after the other, with statistics in float32 at
    least; in half precision GELU is not rounded before GRN.

    Args:
        h (Tensor): (N, S, E), S sites per image, of any floating type; copied
            if it is not contiguous.
        gamma, beta, eps: Of GRN, (E, ).
        visible (Tensor, optional): (N, S, 1), 0 for sites that GRN takes for
            zeros and 1 for the others. Defaults to None, all ones.

    Raises:
        ValueError: If kernels cannot read ``h``.
    """
    require_triton(h, 'gelu_grn')
    if visible is not None:
        visible = visible.expand(*h.shape[:2], 1)[..., 0].contiguous()
    return _GELUGRN.apply(h.contiguous(), gamma, beta, eps, visible)
