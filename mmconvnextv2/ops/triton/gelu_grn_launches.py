"""Launches of the kernels behind ``gelu_grn.py``."""
from typing import Callable, Optional, Tuple

import torch
from torch import Tensor

from mmconvnextv2.ops.triton import gelu_grn_kernels as kernels
from mmconvnextv2.ops.triton import grn_kernels
from .host import launch, operator, own_type, power_of_2, rounded_up

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
        LARGEST=largest(own_type(h)), EPS=eps, BLOCK=block,
        num_warps=min(16, max(1, block // 256)))


def largest(dtype: torch.dtype) -> float:
    """What norms are capped at."""
    return torch.finfo(dtype).max**0.5  # see layers/grn.py


def _new_sums(h: Tensor) -> Tensor:
    return h.new_empty(len(h), _chunks(h), h.shape[2], dtype=own_type(h))


def _new_per_image(h: Tensor) -> Tensor:
    return h.new_empty(len(h), h.shape[2], dtype=own_type(h))


@operator(lambda h, *_: (torch.empty_like(h), _new_per_image(h)))
def gelu_grn_forward(h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
                     visible: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
    """Result (N, S, E), and norms (N, E) for the backward pass."""
    squares, out = _new_sums(h), torch.empty_like(h)
    norms, scale = _new_per_image(h), _new_per_image(h)
    _launch(kernels.square_sums, h, visible, squares)
    _launch_between(grn_kernels.norms_and_scale, h, squares, gamma, norms,
                    scale, eps=eps)
    _launch(kernels.scale_and_shift, h, visible, scale, beta, out)
    return out, norms


@operator(lambda grad, h, gamma, norms, *_: (torch.empty_like(h),
                                             norms.new_empty(2, h.shape[2])))
def gelu_grn_backward(grad: Tensor, h: Tensor, gamma: Tensor, norms: Tensor,
                      eps: float,
                      visible: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
    """Gradients of h, and of gamma and beta (2, E)."""
    by_scale, by_beta, grad_h = _new_sums(h), _new_sums(h), torch.empty_like(h)
    buffer = norms.new_empty(4, *norms.shape)
    by_norm, scale = buffer[:2]
    _launch(kernels.gradient_sums, h, visible, grad, by_scale, by_beta)
    _launch_between(
        grn_kernels.gradients_of_statistics, h, by_scale, by_beta, norms,
        gamma, by_norm, scale, buffer[2:], len(h), eps=eps)
    _launch(kernels.gradient_of_input, h, visible, grad, scale, by_norm,
            grad_h)
    return grad_h, buffer[2:].sum(1)
