"""Launches of the kernels behind ``depthwise_norm.py``."""
import functools
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

import torch
from torch import Tensor

from mmconvnextv2.ops.packed_depthwise import RunsOfGrid
from mmconvnextv2.ops.triton import depthwise_kernels, norm_kernels
from .host import launch, operator, own_type, power_of_2, rounded_up

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


class Sites(NamedTuple):
    """Where runs (R, p, C) lie in a grid, and its height in runs and lines."""

    rows: Optional[Tensor]
    index: Optional[Tensor]
    height: int
    across: int


def sites_of(x: Tensor, runs: Optional[RunsOfGrid]) -> Sites:
    """Of a map (N, H, W, C) or, with ``runs``, of (R, p, C)."""
    if runs is None:
        return Sites(None, None, x.shape[1], 1)
    return Sites(*runs.tables(), runs.shape[1], runs.shape[2] // runs.side)


@functools.cache
def _blocks(channels: int, all_channels: bool,
            per_thread: int) -> Mapping[str, int]:
    """Channels and rows of a tile, and warps for it."""
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
    """Sites of a strip: as few reads of neighbours and of weights as can be.
    """
    return min(_STRIPS, key=lambda n: (
        rounded_up(side, n) * (n * SIZE + 2 * (n + SIZE - 1)), n))


def _over_strips(x: Tensor, sites: Sites) -> Tuple[int, Tuple, Dict]:
    """The number of strips, the sizes of the map and what is compiled in."""
    side, channels = x.shape[-2:]
    runs = x.numel() // (side * channels)
    strip = side if sites.rows is not None else _strip(side)
    sizes = runs, sites.height, sites.across, side
    constants = dict(STRIP=strip, channels=channels)
    return runs * rounded_up(side, strip), sizes, constants


def _chunk(count: int, rows: int, others: int) -> int:
    """How many of ``count`` rows a program sums, BLOCK_S = ``rows`` at a time.

    Others are the programs for the same ones.
    """
    most = rounded_up(count * others, _PROGRAMS)
    return rows * max(1, min(most // rows, 64))


def _sums(like: Tensor, *shape: int) -> Tensor:
    """Empty, of a number for each channel, (*shape, C)."""
    return like.new_empty(*shape, like.shape[-1], dtype=own_type(like))


def _conv_out(x: Tensor, keep: bool) -> Tensor:
    """Where to write what LayerNorm takes; empty unless it is kept."""
    return torch.empty_like(x) if keep else x.new_empty(0)


def taps_of(weight: Tensor, like: Tensor) -> Tensor:
    """Weights (C, 1, 7, 7) as (49, C), of the type that is computed in."""
    return weight.flatten(1).t().to(own_type(like)).contiguous()


def weight_of(taps: Tensor) -> Tensor:
    """``taps_of`` turned back."""
    return taps.t().reshape(-1, 1, SIZE, SIZE)


@operator(lambda x, *rest: (torch.empty_like(x), _conv_out(x, rest[-1])))
def convolution_and_norm(x: Tensor, taps: Tensor, bias: Tensor, gamma: Tensor,
                         beta: Tensor, eps: float, rows: Optional[Tensor],
                         index: Optional[Tensor], height: int, across: int,
                         keep: bool) -> Tuple[Tensor, Tensor]:
    """LayerNorm of the convolution, and what it takes; empty unless kept."""
    out = torch.empty_like(x)
    conv_out = _conv_out(x, keep)
    sites = Sites(rows, index, height, across)
    strips, sizes, constants = _over_strips(x, sites)
    channels = x.shape[-1]
    tile = _blocks(channels, True, _FEW if channels <= 128 else _MANY)
    launch(
        depthwise_kernels.convolution_and_norm,
        [rounded_up(strips, tile['BLOCK_S'])], x, taps,
        *(p.to(taps.dtype) for p in (bias, gamma, beta)), rows, index,
        conv_out if keep else None, out, *sizes, EPS=eps, **constants, **tile)
    return out, conv_out


@operator(lambda grad, *_: (torch.empty_like(grad), _sums(grad, 3)))
def gradient_of_norm(grad: Tensor, conv_out: Tensor, gamma: Tensor,
                     eps: float) -> Tuple[Tensor, Tensor]:
    """Gradients of its input, and of the bias before, gamma and beta (3, C).
    """
    channels = grad.shape[-1]
    count = grad.numel() // channels
    tile = _blocks(channels, True, _MANY)
    chunk = _chunk(count, tile['BLOCK_S'], 1)
    chunks = rounded_up(count, chunk)
    out = torch.empty_like(conv_out)
    sums = _sums(grad, chunks, 3)
    launch(
        norm_kernels.gradient_of_norm, [chunks], grad, conv_out,
        gamma.to(sums.dtype), out, sums, count, chunk, channels=channels,
        EPS=eps, **tile)
    return out, sums.sum(0)


@operator(lambda grad, *_: torch.empty_like(grad))
def gradient_of_input(grad: Tensor, taps: Tensor, rows: Optional[Tensor],
                      index: Optional[Tensor], height: int,
                      across: int) -> Tensor:
    """The convolution's, of the shape of its gradient."""
    out = torch.empty_like(grad)
    strips, sizes, constants = _over_strips(
        grad, Sites(rows, index, height, across))
    tile = _blocks(grad.shape[-1], False, _FEW)
    programs = (rounded_up(strips, tile['BLOCK_S']),
                rounded_up(grad.shape[-1], tile['BLOCK_C']))
    launch(
        depthwise_kernels.gradient_of_input, programs, grad, taps, rows, index,
        out, *sizes, **constants, **tile)
    return out


@operator(lambda grad, *_: _sums(grad, SIZE**2))
def gradient_of_taps(grad: Tensor, x: Tensor, rows: Optional[Tensor],
                     index: Optional[Tensor], height: int,
                     across: int) -> Tensor:
    """Of the convolution's weights as ``taps_of`` has them, (49, C)."""
    channels = x.shape[-1]
    strips, sizes, constants = _over_strips(
        x, Sites(rows, index, height, across))
    tile = _blocks(channels, False, _MANY)
    others = SIZE, rounded_up(channels, tile['BLOCK_C'])
    chunk = _chunk(strips, tile['BLOCK_S'], others[0] * others[1])
    chunks = rounded_up(strips, chunk)
    sums = _sums(x, chunks, SIZE**2)
    launch(
        depthwise_kernels.gradient_of_weight, (chunks, *others), x, grad, rows,
        index, sums, *sizes, chunk, **constants, **tile)
    return sums.sum(0)
