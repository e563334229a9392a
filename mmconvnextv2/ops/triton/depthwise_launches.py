"""Launches of the kernels behind ``depthwise_norm.py``."""
import functools
from typing import Dict, Mapping, Optional, Tuple

import torch
from torch import Tensor

from mmconvnextv2.ops.linear import type_of_sums
from mmconvnextv2.ops.packed_depthwise import RunsOfGrid
from . import depthwise_kernels as kernels
from .host import launch, operator, power_of_2, rounded_up

# Entries per thread, measured on an H100: where wide layers have all channels
# in a tile, and for sums, 8 are faster by up to 12 %; else 4, which leave the
# sums and weights of a strip in registers, by up to 18 %.
_FEW, _MANY = 4, 8
_WARPS = 4  # unless the channels need more
_BLOCK_C = 64  # where a tile need not have all channels; fewer if they fit
_STRIPS = (1, 2, 4, 7, 8)  # sites of a strip of a whole map
LONGEST_RUN = 8  # of sites of a packed patch, which are a strip
# Programs that sum over sites: enough for all multiprocessors.
_PROGRAMS = 1024
SIZE = 7


def sites_of(x: Tensor, runs: Optional[RunsOfGrid]) -> tuple:
    """Find rows, index, height and across (see ``site_kernels.py``)."""
    if runs is None:
        return None, None, x.shape[1], 1
    return *runs.tables(), runs.shape[1], runs.shape[2] // runs.side


@functools.cache
def _blocks(channels: int, all_channels: bool,
            per_thread: int) -> Mapping[str, int]:
    """Choose the channels and rows of a tile, and its warps."""
    most = power_of_2(channels)
    block, warps = most, _WARPS
    if not all_channels:
        # The size that leaves the fewest lanes without a channel.
        sizes = [min(most, _BLOCK_C >> i) for i in range(3)]
        block = min(sizes, key=lambda size: rounded_up(channels, size) * size)
    while 32 * warps * per_thread < block and warps < 32:
        warps *= 2
    rows = max(1, 32 * warps * per_thread // block)
    return dict(BLOCK_C=block, BLOCK_S=rows, num_warps=warps)


@functools.cache
def _strip(side: int) -> int:
    """Choose the sites of a strip, for the fewest reads."""
    return min(_STRIPS, key=lambda n: (
        rounded_up(side, n) * (n * SIZE + 2 * (n + SIZE - 1)), n))


def _over_strips(x: Tensor, rows: Optional[Tensor], height: int,
                 across: int) -> Tuple[int, Tuple, Dict]:
    """Count the strips; returns also sizes and compile-time constants."""
    side, channels = x.shape[-2:]
    runs = x.numel() // (side * channels)
    strip = side if rows is not None else _strip(side)
    return (runs * rounded_up(side, strip), (runs, height, across, side),
            dict(STRIP=strip, channels=channels))


def _chunk(count: int, rows: int, others: int) -> int:
    """Choose how many of the rows a program sums, as ``others`` do."""
    most = rounded_up(count * others, _PROGRAMS)
    return rows * max(1, min(most // rows, 64))


def _sums(like: Tensor, *shape: int) -> Tensor:
    """Make room for sums (*shape, C)."""
    return like.new_empty(
        *shape, like.shape[-1], dtype=type_of_sums(like.dtype))


def _conv_out(x: Tensor, keep: bool) -> Tensor:
    """Make room for the convolution; empty unless it is kept."""
    return torch.empty_like(x) if keep else x.new_empty(0)


def taps_of(weight: Tensor, like: Tensor) -> Tensor:
    """Turn weights (C, 1, 7, 7) into (49, C), of the type to compute in."""
    return weight.flatten(1).t().to(type_of_sums(like.dtype)).contiguous()


@operator(lambda x, *rest: (torch.empty_like(x), _conv_out(x, rest[-1])))
def convolution_and_norm(x: Tensor, taps: Tensor, bias: Tensor, gamma: Tensor,
                         beta: Tensor, eps: float, rows: Optional[Tensor],
                         index: Optional[Tensor], height: int, across: int,
                         keep: bool) -> Tuple[Tensor, Tensor]:
    """Compute LayerNorm of the convolution, and the latter if it is kept."""
    out = torch.empty_like(x)
    conv_out = _conv_out(x, keep)
    strips, sizes, constants = _over_strips(x, rows, height, across)
    channels = x.shape[-1]
    tile = _blocks(channels, True, _FEW if channels <= 128 else _MANY)
    launch(
        kernels.convolution_and_norm,
        [rounded_up(strips, tile['BLOCK_S'])], x, taps,
        *(p.to(taps.dtype) for p in (bias, gamma, beta)), rows, index,
        conv_out if keep else None, out, *sizes, EPS=eps, **constants, **tile)
    return out, conv_out


@operator(lambda grad, *_: (torch.empty_like(grad), _sums(grad, 3)))
def gradient_of_norm(grad: Tensor, conv_out: Tensor, gamma: Tensor,
                     eps: float) -> Tuple[Tensor, Tensor]:
    """Compute the gradients of input, and of bias, gamma, beta (3, C)."""
    channels = grad.shape[-1]
    count = grad.numel() // channels
    tile = _blocks(channels, True, _MANY)
    chunk = _chunk(count, tile['BLOCK_S'], 1)
    chunks = rounded_up(count, chunk)
    out = torch.empty_like(conv_out)
    sums = _sums(grad, chunks, 3)
    launch(
        kernels.gradient_of_norm, [chunks], grad, conv_out,
        gamma.to(sums.dtype), out, sums, count, chunk, channels=channels,
        EPS=eps, **tile)
    return out, sums.sum(0)


@operator(lambda grad, *_: torch.empty_like(grad))
def gradient_of_input(grad: Tensor, taps: Tensor, rows: Optional[Tensor],
                      index: Optional[Tensor], height: int,
                      across: int) -> Tensor:
    """Compute the gradient of the convolution's input."""
    out = torch.empty_like(grad)
    strips, sizes, constants = _over_strips(grad, rows, height, across)
    tile = _blocks(grad.shape[-1], False, _FEW)
    programs = (rounded_up(strips, tile['BLOCK_S']),
                rounded_up(grad.shape[-1], tile['BLOCK_C']))
    launch(
        kernels.gradient_of_input, programs, grad, taps, rows, index,
        out, *sizes, **constants, **tile)
    return out


@operator(lambda grad, *_: _sums(grad, SIZE**2))
def gradient_of_taps(grad: Tensor, x: Tensor, rows: Optional[Tensor],
                     index: Optional[Tensor], height: int,
                     across: int) -> Tensor:
    """Compute the gradient of the weights, as taps (49, C)."""
    channels = x.shape[-1]
    strips, sizes, constants = _over_strips(x, rows, height, across)
    tile = _blocks(channels, False, _MANY)
    others = SIZE, rounded_up(channels, tile['BLOCK_C'])
    chunk = _chunk(strips, tile['BLOCK_S'], others[0] * others[1])
    chunks = rounded_up(strips, chunk)
    sums = _sums(x, chunks, SIZE**2)
    launch(
        kernels.gradient_of_weight, (chunks, *others), x, grad, rows,
        index, sums, *sizes, chunk, **constants, **tile)
    return sums.sum(0)
