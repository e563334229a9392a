"""The MLP of a block, GRN included, a few images at a time on a CPU.

Layer by layer, GELU and GRN write, keep and read again four maps of 4C
channels. Here the images go through one cache-sized group after the other,
in buffers that are reused, and one map is kept; the others are computed anew
in the backward pass.
"""
from typing import Iterator, List, Optional, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .double_backward import (
    gelu_grn_by_layers,
    gradients_by_layers,
    needs_layers,
    without_autocast,
)
from .grn_linear import GRNLinear, WideGRNLinear, largest_norm
from .linear import add_product, linear, linear_gelu, type_of_sums

# Entries of a map that stay in the cache while a group of images is computed,
# 8 MiB in float32: half of it makes products of wide layers slower, which read
# their weights once for each group.
_GROUP_NUMEL = 2**21

_gelu = torch.ops.aten.gelu.out
_gelu_backward = torch.ops.aten.gelu_backward.grad_input


def _groups(x: Tensor, hidden: int,
            num_buffers: int) -> Iterator[Tuple[slice, ...]]:
    """Cut a batch (N, S, C) into slices, with buffers (n, S, hidden) each."""
    n, sites, _ = x.shape
    most = max(1, _GROUP_NUMEL // (sites * hidden))
    size = -(-n // -(-n // most))  # groups as equal as can be
    buffers = x.new_empty(
        num_buffers, size, sites, hidden, dtype=type_of_sums(x.dtype))
    for start in range(0, n, size):
        group = slice(start, min(start + size, n))
        yield (group, *buffers[:, :group.stop - start])


def _grn_linear(x: Tensor, gamma: Tensor, beta: Tensor, weight: Tensor,
                eps: float, trained: bool = True) -> GRNLinear:
    """Choose the faster way for maps (N, S, E): the bound is about E/2."""
    wide = trained and 2 * x.shape[1] >= len(gamma)
    dtype = type_of_sums(x.dtype)
    return (WideGRNLinear if wide else GRNLinear)(
        gamma.to(dtype), beta.to(dtype), weight.to(dtype) if wide else weight,
        eps, trained)


def _sum_squares(a: Tensor, buffer: Tensor, out: Tensor) -> None:
    """Write the sums (n, E) of the squares of (n, S, E) over S to ``out``."""
    out.zero_()
    # In the cache: an image may be larger. By sum, not vector_norm, which
    # would make a new map.
    for part in a.split(max(1, _GROUP_NUMEL // a[:, 0].numel()), 1):
        squares = buffer[:, :part.shape[1]]
        if a.dtype != buffer.dtype:
            part = squares.copy_(part)
        out += torch.mul(part, part, out=squares).sum(1)


def _forward(x: Tensor, weight1: Tensor, bias1: Tensor, gamma: Tensor,
             beta: Tensor, weight2: Tensor, bias2: Tensor, eps: float,
             visible: Optional[Tensor],
             kept: Optional[List[Tensor]] = None) -> Tuple[Tensor, Tensor]:
    """Compute (N, S, C) and norms (N, E); fills ``kept``, if there is one."""
    out = torch.empty_like(x)
    norms = x.new_empty(len(x), len(weight1), dtype=type_of_sums(x.dtype))
    weight1, bias1 = weight1.to(x.dtype), bias1.to(x.dtype)
    head = _grn_linear(x, gamma, beta, weight2, eps)
    for group, a, buffer in _groups(x, len(weight1), 2):
        if kept is None:  # h is not needed: GELU is part of the product
            a = linear_gelu(x[group], weight1, bias1)
        else:
            kept.append(linear(x[group], weight1, bias1))
            a = F.gelu(kept[-1]) if x.dtype != a.dtype else _gelu(
                kept[-1], out=a)
        if visible is not None:
            a.mul_(visible[group])
        _sum_squares(a, buffer, norms[group])
        norms[group].sqrt_().clamp_(max=largest_norm(norms.dtype))
        head.forward(a, norms[group], bias2, out[group])
    return out, norms


class _GRNMLP(torch.autograd.Function):

    @staticmethod
    @without_autocast
    def forward(ctx, *arguments) -> Tensor:
        *parameters, _, ctx.eps, visible = arguments
        kept = []
        out, norms = _forward(*arguments, kept)
        ctx.save_for_backward(*parameters, visible, norms, *kept)
        return out

    @staticmethod
    @without_autocast
    def backward(ctx, grad: Tensor) -> tuple:
        *inputs, visible, norms = (saved := ctx.saved_tensors)[:8]
        if needs_layers(grad):
            return (*gradients_by_layers(
                ctx, lambda x, weight1, bias1, gamma, beta, weight2: F.linear(
                    gelu_grn_by_layers(
                        F.linear(x, weight1.to(x.dtype), bias1.to(x.dtype)),
                        gamma, beta, ctx.eps, visible), weight2.to(x.dtype)),
                inputs, grad), grad.sum((0, 1)), None, None)
        x, weight1, bias1, gamma, beta, weight2 = inputs
        grad = grad.contiguous()
        needs_x, needs_weight1, *_, needs_weight2, _ = (
            ctx.needs_input_grad[:7])
        grad_x, grad_weight1 = torch.empty_like(x) if needs_x else None, None
        grad_bias1 = torch.zeros_like(bias1, dtype=norms.dtype)
        head = _grn_linear(x, gamma, beta, weight2, ctx.eps, needs_weight2)
        weight1 = weight1.to(x.dtype)
        groups = _groups(x, len(weight1), 2 + (x.dtype != norms.dtype))
        for h, (group, a, buffer, *wide) in zip(saved[8:], groups):
            if wide:
                h = wide[0].copy_(h)
            _gelu(h, out=a)
            if visible is not None:
                a.mul_(visible[group])
            d = head.backward(a, norms[group], grad[group], buffer)
            if visible is not None:
                d.mul_(visible[group])
            _gelu_backward(d, h, grad_input=d)
            rows = d.flatten(0, 1)
            grad_bias1 += rows.sum(0)
            d = d.to(x.dtype)
            if needs_weight1:
                grad_weight1 = add_product(
                    grad_weight1, d.flatten(0, 1).t(), x[group].flatten(0, 1))
            if needs_x:
                linear(d, weight1.t(), out=grad_x[group])
        return (grad_x, grad_weight1, grad_bias1, head.grad_gamma,
                head.grad_beta, head.grad_weight, grad.sum((0, 1)), None, None)


def grn_mlp(x: Tensor, weight1: Tensor, bias1: Tensor, gamma: Tensor,
            beta: Tensor, weight2: Tensor, bias2: Tensor, eps: float,
            visible: Optional[Tensor] = None) -> Tensor:
    """Apply a linear layer to E channels, GELU, GRN, one to C channels.

    Equal to the layers one after the other (ConvNeXt V2, Algorithm 1). For
    ``x`` in half precision the products are in it, and so is what is kept;
    all that lies between is float32.

    Args:
        x (Tensor): (N, S, C), S sites per image, contiguous.
        weight1, bias1: Of the first layer, (E, C) and (E, ).
        gamma, beta, eps: Of GRN, (E, ).
        weight2, bias2: Of the second layer, (C, E) and (C, ).
        visible (Tensor, optional): (N, S, 1), 0 for sites that GRN takes for
            zeros and 1 for the others. Defaults to None, all ones.
    """
    arguments = (x, weight1, bias1, gamma, beta, weight2, bias2, eps, visible)
    if torch.is_grad_enabled() and any(t.requires_grad for t in arguments[:7]):
        return _GRNMLP.apply(*arguments)
    return without_autocast(_forward)(*arguments)[0]
