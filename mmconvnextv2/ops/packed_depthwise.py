"""Depthwise convolution among the rows of a grid that are there."""
from typing import Optional, Tuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# N, height and width of the grid.
Shape = Tuple[int, int, int]


def _to_grid(x: Tensor, rows: Tensor, shape: Shape) -> Tensor:
    """Runs of sites (R, p, C) to a grid of zeros elsewhere (N, C, H, W)."""
    n, height, width = shape
    side, channels = x.shape[1:]
    grid = x.new_zeros(n * height * width // side, side * channels)
    grid.index_copy_(0, rows, x.reshape(-1, side * channels))
    return grid.view(n, height, width, channels).permute(0, 3, 1, 2)


def _from_grid(grid: Tensor, rows: Tensor, side: int) -> Tensor:
    """Read the runs of sites (R, p, C) of a grid (N, C, H, W)."""
    channels = grid.shape[1]
    runs = grid.permute(0, 2, 3, 1).reshape(-1, side * channels)
    return runs.index_select(0, rows).view(-1, side, channels)


class _PackedDepthwise(torch.autograd.Function):
    """Convolution of the grid, of which only the runs are kept.

    Autograd would keep the whole grid for the backward pass, and would add up
    what it reads from a row, not knowing that rows are distinct. Here the grid
    is built anew and rows are copied.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Optional[Tensor],
                rows: Tensor, shape: Shape) -> Tensor:
        padding = weight.shape[-1] // 2
        grid = F.conv2d(
            _to_grid(x, rows, shape),
            weight,
            bias,
            padding=padding,
            groups=len(weight))
        return _from_grid(grid, rows, x.shape[1])

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        x, weight, bias, rows, shape = inputs
        ctx.save_for_backward(x, weight, rows)
        ctx.shape = shape
        ctx.bias_dtype = None if bias is None else bias.dtype

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple:
        x, weight, rows = ctx.saved_tensors
        side, channels = x.shape[1:]
        padding = weight.shape[-1] // 2
        # Under autocast the convolution ran in the type of its gradient.
        grads = torch.ops.aten.convolution_backward(
            _to_grid(grad, rows, ctx.shape),
            _to_grid(x.to(grad.dtype), rows, ctx.shape),
            weight.to(grad.dtype), [channels], [1, 1], [padding, padding],
            [1, 1], False, [0, 0], channels, ctx.needs_input_grad[:3])
        grad_x, grad_weight, grad_bias = grads
        if grad_x is not None:
            grad_x = _from_grid(grad_x, rows, side).to(x.dtype)
        if grad_weight is not None:
            grad_weight = grad_weight.to(weight.dtype)
        if grad_bias is not None:
            grad_bias = grad_bias.to(ctx.bias_dtype)
        return grad_x, grad_weight, grad_bias, None, None


def packed_depthwise(x: Tensor, weight: Tensor, bias: Optional[Tensor],
                     rows: Tensor, shape: Shape) -> Tensor:
    """Convolve runs of sites with their neighbours in the grid.

    Args:
        x (Tensor): (R, p, C), runs of p sites side by side.
        weight (Tensor): (C, 1, k, k), k odd.
        bias (Tensor, optional): (C, ).
        rows (Tensor): (R, ), int64, distinct: where each run lies, the grid
            being a list of N * H * W / p runs.
        shape (tuple[int, int, int]): The grid's N, H and W. Sites in no run
            are zero.

    Returns:
        Tensor: (R, p, C).
    """
    return _PackedDepthwise.apply(x, weight, bias, rows, shape)
