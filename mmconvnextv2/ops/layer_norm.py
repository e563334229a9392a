"""LayerNorm of maps in half precision on a CPU, with right gradients."""
from typing import Tuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .double_backward import (
    gradients_by_layers,
    needs_layers,
    without_autocast,
)

# Entries that are in float32 at a time, so that they stay in the cache.
_CHUNK_NUMEL = 2**19


def layer_norm_by_layers(x: Tensor, weight: Tensor, bias: Tensor,
                         eps: float) -> Tensor:
    """Compute :func:`layer_norm` by operators that autograd knows."""
    return F.layer_norm(x.float(), weight.shape, weight.float(), bias.float(),
                        eps).to(x.dtype)


class _LayerNorm(torch.autograd.Function):

    @staticmethod
    @without_autocast
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor,
                eps: float) -> Tensor:
        # With a weight of float32 so are the statistics.
        y, *statistics = torch.native_layer_norm(
            x, weight.shape, weight.float(), bias.float(), eps)
        ctx.eps = eps
        ctx.save_for_backward(x, weight, bias, *statistics)
        return y

    @staticmethod
    @without_autocast
    def backward(ctx, grad: Tensor) -> Tuple:
        x, weight, bias, *statistics = ctx.saved_tensors
        if needs_layers(grad):
            return (*gradients_by_layers(
                ctx, lambda *inputs: layer_norm_by_layers(*inputs, ctx.eps),
                (x, weight, bias), grad), None)
        channels = len(weight)
        size = max(1, _CHUNK_NUMEL // channels)
        rows = [t.reshape(-1, t.shape[-1]).split(size)
                for t in (grad, x, *statistics)]
        weight, bias = weight.float(), bias.float()
        sums = torch.zeros(2, channels)
        grads = []
        for grad, part, *statistics in zip(*rows):
            of_x, *others = torch.ops.aten.native_layer_norm_backward(
                grad.float(), part.float(), weight.shape, *statistics, weight,
                bias, [True] * 3)
            grads.append(of_x.to(x.dtype))
            sums += torch.stack(others)
        return torch.cat(grads).view(x.shape), *sums, None


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalise over the last dimension, by statistics and sums of float32.

    PyTorch sums the gradients of weight and bias (C, ) over all sites in the
    type of the input, where sums stop growing. Keeps ``x`` (..., C), in half
    precision, not a float32 copy.
    """
    return _LayerNorm.apply(x, weight, bias, eps)
