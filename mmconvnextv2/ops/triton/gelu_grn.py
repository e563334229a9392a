"""GELU and GRN in two passes over the map before them.

Off by default (see ``switch.py``). On an H100, in bfloat16, 1.26x to 1.48x as
fast as the layers through torch.compile, and at 94 to 68 % of the bandwidth
(benchmarks/results/2026-11-27_gpu_h100.md). The passes and what they move, in
bytes per entry of the map, masks and what has no sites left out; by layers is
PyTorch 2.13 in eager mode, where each operator reads and writes whole maps
(counted call by call in the tests):

.. code-block:: text

                                            float32  bfloat16, float16
    statistics, reads h                           4     2
    scale and shift, reads h, writes y            8     4
    forward                                      12     6
    forward by layers                            20     26
    sums of gradients, read h and dy              8     4
    gradient, reads h and dy, writes dh          12     6
    backward                                     20    10
    backward by layers                           84     78
    kept for the backward pass: h                 4     2
    kept by layers                                8      4

The backward pass computes GELU anew from h. Sums go over chunks first, each
by one program, so results repeat bit for bit.
"""
from typing import Callable, Optional

import torch
from torch import Tensor
from torch.nn import functional as F

from ..grn_linear import responses
from . import gelu_grn_kernels as kernels
from . import grn_kernels
from .double_backward import gradients_by_layers
from .launching import launch, own_type, power_of_2, rounded_up
from .switch import INTERPRETER, runs_triton

# Sites of an image per program, and sites and channels at a time: a tile of
# 1024 is one load of 16 bytes per thread in half precision. No other size was
# faster by more than 7 % on an H100.
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
        LARGEST=_largest(own_type(h)), EPS=eps, BLOCK=block,
        num_warps=min(16, max(1, block // 256)))


def _largest(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).max**0.5  # see layers/grn.py


def _new_sums(h: Tensor) -> Tensor:
    return h.new_empty(len(h), _chunks(h), h.shape[2], dtype=own_type(h))


def _new_per_image(h: Tensor, number: int) -> Tensor:
    return h.new_empty(number, len(h), h.shape[2], dtype=own_type(h))


class _GELUGRN(torch.autograd.Function):

    @staticmethod
    def forward(ctx, h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
                visible: Optional[Tensor]) -> Tensor:
        squares, out = _new_sums(h), torch.empty_like(h)
        norms, scale = _new_per_image(h, 2)
        _launch(kernels.square_sums, h, visible, squares)
        _launch_between(grn_kernels.norms_and_scale, h, squares, gamma, norms,
                        scale, eps=eps)
        _launch(kernels.scale_and_shift, h, visible, scale, beta, out)
        ctx.save_for_backward(h, gamma, beta, visible, norms)
        ctx.eps = eps
        return out

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        h, gamma, beta, visible, norms = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated in its turn
            return _differentiable_backward(ctx, grad)
        grad = grad.contiguous()
        by_scale, by_beta, grad_h = _new_sums(h), _new_sums(h), (
            torch.empty_like(h))
        buffer = _new_per_image(h, 4)
        by_norm, scale = buffer[:2]
        _launch(kernels.gradient_sums, h, visible, grad, by_scale, by_beta)
        _launch_between(
            grn_kernels.gradients_of_statistics, h, by_scale, by_beta, norms,
            gamma, by_norm, scale, buffer[2:], len(h), eps=ctx.eps)
        _launch(kernels.gradient_of_input, h, visible, grad, scale, by_norm,
                grad_h)
        grad_gamma, grad_beta = buffer[2:].sum(1)
        return (grad_h, grad_gamma.to(gamma.dtype), grad_beta.to(beta.dtype),
                None, None)


def _differentiable_backward(ctx, grad: Tensor) -> tuple:
    *inputs, visible, _ = ctx.saved_tensors
    if visible is not None:
        visible = visible[..., None]
    return (*gradients_by_layers(
        lambda *inputs: gelu_grn_by_layers(*inputs, ctx.eps, visible),
        inputs, ctx.needs_input_grad[:3], grad), None, None)


def gelu_grn_by_layers(h: Tensor,
                       gamma: Tensor,
                       beta: Tensor,
                       eps: float,
                       visible: Optional[Tensor] = None) -> Tensor:
    """The plain twin of ``gelu_grn``, by operators that autograd knows.

    Takes and returns the same, anywhere.
    """
    a = F.gelu(h)
    if visible is not None:
        a = a * visible
    dtype = torch.promote_types(a.dtype, torch.float32)
    norms = torch.linalg.vector_norm(a, dim=1, dtype=dtype)
    norms = norms.clamp(max=_largest(dtype))
    scale = (gamma * responses(norms, eps)[0] + 1)[:, None]
    return (a * scale + beta).to(h.dtype)


def gelu_grn(h: Tensor,
             gamma: Tensor,
             beta: Tensor,
             eps: float,
             visible: Optional[Tensor] = None) -> Tensor:
    """GELU, then GRN (ConvNeXt V2, Algorithm 1), by Triton kernels.

    Equal to the layers one after the other, with statistics in float32 at
    least; in half precision GELU is not rounded before GRN.

    Args:
        h (Tensor): (N, S, E), S sites per image, of any floating type; copied
            if it is not contiguous.
        gamma (Tensor): (E, ), of GRN.
        beta (Tensor): (E, ), of GRN.
        eps (float): Of GRN.
        visible (Tensor, optional): (N, S, 1), 0 for sites that GRN is to take
            for zeros and 1 for the others. Defaults to None, all ones.

    Returns:
        Tensor: (N, S, E), of the type of ``h``.

    Raises:
        ValueError: If ``h`` is where Triton does not reach.
    """
    if not runs_triton(h):
        raise ValueError(
            f'gelu_grn needs a map on a GPU, got one on {h.device}; use '
            'gelu_grn_by_layers, or, to test the kernels on a CPU, '
            f'{INTERPRETER}=1 from the start of the process')
    if visible is not None:
        visible = visible.expand(*h.shape[:2], 1)[..., 0].contiguous()
    return _GELUGRN.apply(h.contiguous(), gamma, beta, eps, visible)
