"""GELU and GRN in two passes over the map before them.

Off by default, see ``dispatch.py``. On an H100, in bfloat16, 1.26x to 1.48x as
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
from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional as F

from mmconvnextv2.ops.double_backward import gradients_by_layers
from mmconvnextv2.ops.grn_linear import responses
from .gelu_grn_launches import gelu_grn_backward, gelu_grn_forward, largest
from .host import require_triton


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
        if torch.is_grad_enabled():  # to be differentiated in its turn
            return _differentiable_backward(ctx, grad)
        grad_h, (grad_gamma, grad_beta) = gelu_grn_backward(
            grad.contiguous(), h, gamma, norms, ctx.eps, visible)
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
    norms = norms.clamp(max=largest(dtype))
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
    require_triton(h, 'gelu_grn')
    if visible is not None:
        visible = visible.expand(*h.shape[:2], 1)[..., 0].contiguous()
    return _GELUGRN.apply(h.contiguous(), gamma, beta, eps, visible)
