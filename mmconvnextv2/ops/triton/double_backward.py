"""Gradients that are to be differentiated in their turn: by the plain twin."""
from typing import Callable, Sequence, Tuple

import torch
from torch import Tensor


def gradients_by_layers(by_layers: Callable[..., Tensor],
                        inputs: Sequence[Tensor], needs: Sequence[bool],
                        grad: Tensor) -> Tuple:
    """Those of a kernel's plain twin, with a graph.

    Args:
        by_layers (Callable): The twin, of the inputs.
        inputs (Sequence[Tensor]): What it takes.
        needs (Sequence[bool]): Which of them need a gradient.
        grad (Tensor): Gradient of the result.

    Returns:
        tuple: A gradient, or None, for each input.
    """
    wanted = [x for x, need in zip(inputs, needs) if need]
    found = iter(torch.autograd.grad(
        by_layers(*inputs), wanted, grad, create_graph=True))
    return tuple(next(found) if need else None for need in needs)
