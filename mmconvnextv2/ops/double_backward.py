"""Differentiable gradients of an operator, from its plain twin."""
import functools
from typing import Callable, Optional, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .grn_linear import largest_norm, responses


def without_autocast(function: Callable) -> Callable:
    """Let a function of CPU tensors choose the types of its products."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        with torch.autocast('cpu', enabled=False):
            return function(*args, **kwargs)

    return call


def gradients_by_layers(ctx, twin: Callable[..., Tensor],
                        inputs: Sequence[Tensor], grad: Tensor) -> Tuple:
    """Compute the gradients of an operator with a graph.

    Its arguments begin with ``inputs``, of which ``twin`` is a function. None
    for those that need no gradient.
    """
    needs = ctx.needs_input_grad[:len(inputs)]
    wanted = [x for x, need in zip(inputs, needs) if need]
    found = iter(torch.autograd.grad(
        twin(*inputs), wanted, grad, create_graph=True))
    return tuple(next(found) if need else None for need in needs)


def gelu_grn_by_layers(h: Tensor, gamma: Tensor, beta: Tensor, eps: float,
                       visible: Optional[Tensor] = None) -> Tensor:
    """Apply GELU, then GRN, to (N, S, E) by operators that autograd knows."""
    a = F.gelu(h)
    if visible is not None:
        a = a * visible
    dtype = torch.promote_types(a.dtype, torch.float32)
    norms = torch.linalg.vector_norm(a, dim=1, dtype=dtype)
    norms = norms.clamp(max=largest_norm(dtype))
    scale = (gamma * responses(norms, eps)[0] + 1)[:, None]
    return (a * scale + beta).to(h.dtype)
