"""The 7x7 depthwise convolution and LayerNorm, of whole maps or packed runs.

Packed runs are read where they lie: no grid is made of them. The forward pass
reads x and writes the convolution u, unless without gradients, and LayerNorm
y. The backward pass reads dy and u and writes du, reads x and du for the
weight, and reads du and writes dx: 10 times the map. Sums go over chunks
first, each by one program, so results repeat bit for bit. Figures:
benchmarks/results/2026-11-27_gpu_h100.md.
"""
from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional as F

from mmconvnextv2.ops.depthwise import convolve
from mmconvnextv2.ops.double_backward import (
    gradients_by_layers,
    needs_layers,
)
from mmconvnextv2.ops.linear import type_of_sums
from mmconvnextv2.ops.packed_depthwise import RunsOfGrid, packed_depthwise
from . import depthwise_launches as launches
from .depthwise_launches import LONGEST_RUN, SIZE, sites_of, taps_of
from .host import require_triton


class _DepthwiseNorm(torch.autograd.Function):

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor,
                beta: Tensor, eps: float,
                runs: Optional[RunsOfGrid]) -> Tensor:
        taps = taps_of(weight, x)
        out, conv_out = launches.convolution_and_norm(
            x, taps, bias, gamma, beta, eps, *sites_of(x, runs), True)
        ctx.save_for_backward(x, conv_out, taps, weight, bias, gamma, beta)
        ctx.eps, ctx.runs = eps, runs
        return out

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        x, conv_out, taps, weight, *parameters = ctx.saved_tensors
        if needs_layers(grad):
            return (*gradients_by_layers(
                ctx, lambda *inputs: depthwise_norm_by_layers(
                    *inputs, ctx.eps, ctx.runs), (x, weight, *parameters),
                grad), None, None)
        sites, needs = sites_of(x, ctx.runs), ctx.needs_input_grad
        d, sums = launches.gradient_of_norm(
            grad.contiguous(), conv_out, parameters[1], ctx.eps)
        # Autograd brings gradients to the types of the arguments.
        return (
            launches.gradient_of_input(d, taps, *sites) if needs[0] else None,
            launches.gradient_of_taps(d, x, *sites).t().reshape_as(weight)
            if needs[1] else None, *sums, None, None)


def depthwise_norm_by_layers(
        x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor,
        eps: float, runs: Optional[RunsOfGrid] = None) -> Tensor:
    """Compute ``depthwise_norm`` by layers, on any device."""
    if runs is None:
        x = convolve(x.permute(0, 3, 1, 2), weight, bias).permute(0, 2, 3, 1)
    else:
        # Rounded weights, as the layers have them under autocast.
        x = packed_depthwise(x, weight.to(x.dtype), bias.to(x.dtype), runs)
    own = type_of_sums(x.dtype)
    y = F.layer_norm(
        x.to(own), gamma.shape, gamma.to(own), beta.to(own), eps)
    return y.to(x.dtype)


def depthwise_norm(
        x: Tensor, weight: Tensor, bias: Tensor, gamma: Tensor, beta: Tensor,
        eps: float, runs: Optional[RunsOfGrid] = None) -> Tensor:
    """Apply a depthwise convolution, then LayerNorm, by Triton kernels.

    Equal to the layers one after the other, computed in float32 at least; in
    half precision the convolution is not rounded before LayerNorm. Under
    autocast the map is brought to its type first, as for a convolution.

    Args:
        x (Tensor): (N, H, W, C), of any floating type; copied if it is not
            contiguous. Or (R, p, C) with ``runs``.
        weight, bias: Of the convolution, (C, 1, 7, 7) and (C, ).
        gamma, beta, eps: Of LayerNorm, (C, ).
        runs (RunsOfGrid, optional): Places of the runs of p sites in a grid
            whose other sites are zero. Defaults to None, a whole map.

    Raises:
        ValueError: If kernels cannot read ``x``, the kernel is not 7x7, or
            runs have more than eight sites.
    """
    require_triton(x, 'depthwise_norm')
    if weight.shape[2:] != (SIZE, SIZE):
        raise ValueError(f'depthwise_norm needs a {SIZE}x{SIZE} kernel, got '
                         f'weights of shape {tuple(weight.shape)}')
    if runs is not None and runs.side > LONGEST_RUN:
        raise ValueError(f'depthwise_norm takes runs of {LONGEST_RUN} sites '
                         f'at most, got {runs.side}')
    device = x.device.type
    if x.dtype != torch.float64 and torch.is_autocast_enabled(device):
        x = x.to(torch.get_autocast_dtype(device))
    inputs = x.contiguous(), weight, bias, gamma, beta
    if torch.is_grad_enabled() and any(p.requires_grad for p in inputs):
        return _DepthwiseNorm.apply(*inputs, eps, runs)
    # Without a backward pass the convolution is not written.
    x, weight, *parameters = inputs
    return launches.convolution_and_norm(
        x, taps_of(weight, x), *parameters, eps, *sites_of(x, runs), False)[0]
