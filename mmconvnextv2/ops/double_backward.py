"""Gradients of an operator by its plain twin: differentiable, or batched."""
import functools
from typing import Callable, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .compile import is_transformed
from .grn_linear import relative_response


def without_autocast(function: Callable) -> Callable:
    """Let a function of CPU tensors choose the types of its products."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        with torch.autocast('cpu', enabled=False):
            return function(*args, **kwargs)

    return call


def needs_layers(grad: Tensor) -> bool:
    """Tell if a backward pass is differentiated again, or runs under vmap.

    An older vmap is that of ``torch.autograd.grad(is_grads_batched=True)``.
    """
    return torch.is_grad_enabled() or is_transformed() or (
        not torch.compiler.is_compiling()
        and torch._C._functorch.is_legacy_batchedtensor(grad))


def gradients_by_layers(ctx, twin: Callable[..., Tensor],
                        inputs: Sequence[Tensor], grad: Tensor) -> Tuple:
    """Compute the gradients of an operator's first inputs by its twin.

    None for those that need no gradient.
    """
    needs = ctx.needs_input_grad[:len(inputs)]
    wanted = [x for x, need in zip(inputs, needs) if need]
    if not wanted:
        return (None, ) * len(inputs)
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        found = iter(torch.autograd.grad(
            twin(*inputs), wanted, grad, create_graph=create_graph))
    return tuple(next(found) if need else None for need in needs)


def gelu_grn_by_layers(h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
                       visible: Optional[Tensor] = None) -> Tensor:
    """Apply GELU, then GRN, to (N, S, E) by operators that autograd knows."""
    a = F.gelu(h)
    if visible is not None:
        a = a * visible
    scale = gamma * relative_response(a, eps) + 1
    return (a * scale + beta).to(h.dtype)
