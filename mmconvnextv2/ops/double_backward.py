"""Differentiable gradients of an operator, from its plain twin."""
from typing import Callable, Sequence, Tuple

import torch
from torch import Tensor


def gradients_by_layers(ctx, twin: Callable[..., Tensor],
                        inputs: Sequence[Tensor], grad: Tensor) -> Tuple:
    """Compute an operator's gradients with a graph.

    Args:
        ctx: The operator's context; its arguments begin with ``inputs``.
        twin (Callable): The twin, a function of ``inputs``.
        inputs (Sequence[Tensor]): The arguments that may need a gradient.
        grad (Tensor): Gradient of the result.

    Returns:
        tuple: A gradient, or None, for each of ``inputs``.
    """
    needs = ctx.needs_input_grad[:len(inputs)]
    wanted = [x for x, need in zip(inputs, needs) if need]
    found = iter(torch.autograd.grad(
        twin(*inputs), wanted, grad, create_graph=True))
    return tuple(next(found) if need else None for need in needs)
