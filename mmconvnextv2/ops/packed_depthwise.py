"""Depthwise convolution of a grid of which only some runs of sites exist."""
from typing import Dict, Optional, Tuple

import torch
from torch import Tensor

from .depthwise import convolve, depthwise_backward
from .double_backward import needs_layers


class RunsOfGrid:
    """Places of runs of p sites, side by side, in a grid.

    Args:
        rows (Tensor): (R, ), int64, distinct: the place of each run, with the
            grid seen as a list of N * H * W / p runs.
        shape (tuple[int, int, int]): The grid's N, H and W.
        side (int): p.
    """

    def __init__(self, rows: Tensor, shape: Tuple[int, int, int],
                 side: int) -> None:
        self.rows = rows
        self.shape = shape
        self.side = side
        self._grids: Dict[tuple, Tensor] = {}
        self._tables: Optional[Tuple[Tensor, Tensor]] = None

    def tables(self) -> Tuple[Tensor, Tensor]:
        """List the place of each run (R, ), and the run in each place.

        (N * H * W / p, ), -1 where there is none. Both int32, and made once.
        """
        if self._tables is None:
            n, height, width = self.shape
            rows = self.rows.int()
            index = rows.new_full((n * height * width // self.side, ), -1)
            index[self.rows] = torch.arange(
                len(rows), dtype=rows.dtype, device=rows.device)
            self._tables = rows, index
        return self._tables

    def scatter(self, x: Tensor, role: Optional[str] = None) -> Tensor:
        """Put runs (R, p, C) into a grid (N, C, H, W), zero elsewhere.

        Zeros take as long to write as the rest. With a ``role`` they are
        written once, in a grid that is valid until the next one of that role,
        unless autograd differentiates, vmap maps or torch.compile traces this.
        """
        if needs_layers(x) or torch.compiler.is_compiling():
            role = None
        n, height, width = self.shape
        channels = x.shape[-1]
        # Each call writes the same rows, so the rest of a grid stays zero.
        key = role, channels, x.dtype
        grid = self._grids.get(key)
        if grid is None:
            grid = x.new_zeros(n * height * width // self.side,
                               self.side * channels)
        if role is not None:
            self._grids[key] = grid
        grid = grid.index_copy_(0, self.rows, x.reshape(len(x), -1))
        return grid.view(n, height, width, channels).permute(0, 3, 1, 2)

    def gather(self, grid: Tensor) -> Tensor:
        """Take the runs (R, p, C) from a grid (N, C, H, W)."""
        channels = grid.shape[1]
        runs = grid.permute(0, 2, 3, 1).reshape(-1, self.side * channels)
        return runs.index_select(0, self.rows).view(-1, self.side, channels)


class _PackedDepthwise(torch.autograd.Function):
    """Convolution of the grid that keeps only the runs.

    Autograd would keep the whole grid for the backward pass, and would add up
    gradients of rows, not knowing that rows are distinct. Here the grid is
    built anew and rows are copied.
    """

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Optional[Tensor],
                runs: RunsOfGrid) -> Tensor:
        return runs.gather(convolve(runs.scatter(x, 'input'), weight, bias))

    @staticmethod
    def setup_context(ctx, inputs: tuple, output: Tensor) -> None:
        x, weight, _, ctx.runs = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple:
        x, weight = ctx.saved_tensors
        # Under autocast the convolution ran in the type of its gradient.
        needs_x, needs_weight, needs_bias, _ = ctx.needs_input_grad
        grad_x, grad_weight, _ = depthwise_backward(
            ctx.runs.scatter(grad, 'gradient'),
            ctx.runs.scatter(x.to(grad.dtype), 'input'),
            weight.to(grad.dtype), (needs_x, needs_weight, False))
        # Autograd brings gradients to the types of the arguments.
        grad_bias = grad.sum((0, 1)) if needs_bias else None
        grad_x = ctx.runs.gather(grad_x) if needs_x else None
        return grad_x, grad_weight, grad_bias, None


def packed_depthwise(x: Tensor, weight: Tensor, bias: Optional[Tensor],
                     runs: RunsOfGrid) -> Tensor:
    """Convolve runs (R, p, C) of sites with their neighbours in the grid.

    Sites in no run are zero. Weight and bias are those of :func:`depthwise`.
    """
    return _PackedDepthwise.apply(x, weight, bias, runs)
