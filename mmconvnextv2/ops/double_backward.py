"""Differentiable gradients of an operator, from its plain twin."""
from typing import Callable, Sequence, Tuple

import torch
from torch import Tensor


def gradients_by_layers(by_layers: Callable[..., Tensor],
                        inputs: Sequence[Tensor], needs: Sequence[bool],
                        grad: Tensor) -> Tuple:
    """Compute an operator's gradients with a graph.

    Args:
        by_layers (Callable): The twin, a function of the inputs.
        inputs (Sequence[Tensor]): Inputs of the twin.
        needs (Sequence[bool]): For each input, whether it needs a gradient.
        grad (Tensor): Gradient of the result.

    Returns:
        tuple: A gradient, or None, for each input.
    """
    wanted = [x for x, need in zip(inputs, needs) if need]
    found = iter(torch.autograd.grad(
        by_layers(*inputs), wanted, grad, create_graph=True))
    return tuple(next(found) if need else None for need in needs)
