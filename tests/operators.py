"""What the tests of operators share: plain twins, gradients, comparison."""
from typing import Callable, List, Optional, Sequence

import torch
from hypothesis import strategies as st
from strategies import noise
from torch import Tensor
from torch.nn import functional as F

from mmconvnextv2.models.layers.masked_layout import (
    DENSE_GRID,
    MaskedGrid,
    PackedPatches,
)

MASK = torch.tensor([[[True, False], [False, False]],
                     [[True, True], [True, False]]])
KERNELS = st.sampled_from([1, 3, 5, 7])


def layouts(device: str) -> dict:
    """Layouts by name, and height and width of a map in each."""
    where = MASK, [2], torch.device(device)
    return dict(whole=(DENSE_GRID, 4, 4), masked=(MaskedGrid(*where), 4, 4),
                packed=(PackedPatches(*where), 6, 2))


def second_gradients(function: Callable, leaves: Sequence[Tensor],
                     rest: tuple = (), factor=1) -> Sequence[Tensor]:
    """Gradients of the squared gradients of a squared result."""
    out = function(*leaves, *rest).square().mul(factor)
    first = torch.autograd.grad(out.sum(), leaves, create_graph=True)
    return torch.autograd.grad(sum(g.square().sum() for g in first), leaves)


def by_layers(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """PyTorch's depthwise convolution with "same" padding."""
    return F.conv2d(
        x, weight, bias, padding=weight.shape[-1] // 2, groups=len(weight))


def with_grads(function: Callable, leaves: Sequence[Tensor],
               cotangent: Optional[Tensor] = None) -> List[Tensor]:
    """The result of a function and its gradients."""
    out = function(*leaves)
    if cotangent is None:
        cotangent = noise(*out.shape, seed=5, dtype=out.dtype)
    return [out, *torch.autograd.grad(out, leaves, cotangent)]


def kept_by(function: Callable, *arguments) -> List[tuple]:
    """Shapes of the tensors that autograd keeps for the backward pass."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(tuple(x.shape)) or x, lambda x: x):
        function(*arguments)
    return sorted(kept)


def assert_close(found: Sequence[Tensor], expected: Sequence[Tensor],
                 bound: float = 1e-10) -> None:
    """Compare tensors one by one."""
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert (a - b).norm() <= bound * (1 + b.norm())
