"""The depthwise convolution, 7x7, with LayerNorm after it, and its gradients.

A program takes BLOCK_S strips of STRIP sites (see ``site_kernels.py``) and
BLOCK_C channels: what it reads of a neighbour serves all sites of a strip, and
a line of the kernel all strips. Numbers are float32, or float64 if the weights
are, whatever the type of the maps. Weights are (49, C).
"""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl

from .norm_kernels import parameter, store_normed
from .site_kernels import MARGIN, load, neighbour, place, store

KERNEL = tl.constexpr(7)
_TAPS = tl.constexpr(49)
# Else kernels would be compiled anew for sizes that 16 divides, say.
SIZES = ['runs', 'height', 'across', 'SIDE', 'chunk']


@triton.jit
def _zeros(NUMBER: tl.constexpr, BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
           dtype: tl.constexpr):
    """A tuple of tiles."""
    tiles = (tl.zeros([BLOCK_S, BLOCK_C], dtype), )
    for _ in tl.static_range(NUMBER - 1):
        tiles = tiles + (tl.zeros([BLOCK_S, BLOCK_C], dtype), )
    return tiles


@triton.jit
def _add_products(totals, value, factors, j: tl.constexpr, N: tl.constexpr,
                  M: tl.constexpr):
    """Add value * factors[j - n] to the totals n that there is one for."""
    added = ()
    for n in tl.static_range(N):
        total = totals[n]
        if j - n >= 0 and j - n < M:
            total += value * factors[j - n]
        added = added + (total, )
    return added


@triton.jit
def _taps_of_line(weight, i, c, channels: tl.constexpr, FLIP: tl.constexpr,
                  BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr):
    """The seven weights of line i, as tiles.

    Of the shape of the map's tiles: of another, they would have another
    layout, and be brought to the maps' through shared memory.
    """
    at = tl.broadcast_to(c[None, :], [BLOCK_S, BLOCK_C])
    taps = ()
    for k in tl.static_range(KERNEL):
        tap = i * KERNEL + k
        if FLIP:
            tap = _TAPS - 1 - tap
        taps = taps + (tl.load(weight + tap * channels + at,
                               mask=at < channels, other=0), )
    return taps


@triton.jit
def _is_row(line, i, exists, height):
    """Whether i - MARGIN lines below, in the same image, there is one."""
    row = line % height + i - MARGIN
    return exists & (row >= 0) & (row < height)


@triton.jit
def _convolved(x, weight, index, line, column, exists, c, height, across, SIDE,
               channels: tl.constexpr, FLIP: tl.constexpr, STRIP: tl.constexpr,
               BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr):
    """Sums of the sites of each strip, as a tuple."""
    dtype: tl.constexpr = weight.dtype.element_ty
    totals = _zeros(STRIP, BLOCK_S, BLOCK_C, dtype)
    for i in range(KERNEL):
        taps = _taps_of_line(weight, i, c, channels, FLIP, BLOCK_S, BLOCK_C)
        is_row = _is_row(line, i, exists, height)
        run = line
        for j in tl.static_range(STRIP + KERNEL - 1):
            run, value = neighbour(x, index, run, line + i - MARGIN, column,
                                   is_row, c, across, SIDE, channels, j, STRIP,
                                   dtype)
            totals = _add_products(totals, value, taps, j, STRIP, KERNEL)
    return totals


@triton.jit(do_not_specialize=SIZES)
def convolution_and_norm(x, weight, bias, gamma, beta, rows, index, conv_out,
                         out, runs, height, across, SIDE,
                         channels: tl.constexpr,
                         EPS: tl.constexpr,
                         STRIP: tl.constexpr,
                         BLOCK_S: tl.constexpr,
                         BLOCK_C: tl.constexpr):
    """LayerNorm of the convolution; BLOCK_C channels are all.

    ``conv_out`` receives what LayerNorm takes; it may be None.
    """
    strip = tl.program_id(0) * BLOCK_S + tl.arange(0, BLOCK_S)
    c = tl.arange(0, BLOCK_C)
    site, left, line, column, exists = place(rows, strip, runs, across, SIDE,
                                             STRIP)
    totals = _convolved(x, weight, index, line, column, exists, c, height,
                        across, SIDE, channels, False, STRIP, BLOCK_S, BLOCK_C)
    bias, gamma, beta = (parameter(bias, c, channels),
                         parameter(gamma, c, channels),
                         parameter(beta, c, channels))
    for s in tl.static_range(STRIP):
        store_normed(out, conv_out, totals[s] + bias, gamma, beta, site + s,
                     exists & (left > s), c, channels, EPS)


@triton.jit(do_not_specialize=SIZES)
def gradient_of_input(grad, weight, rows, index, out, runs, height, across,
                      SIDE,
                      channels: tl.constexpr,
                      STRIP: tl.constexpr,
                      BLOCK_S: tl.constexpr,
                      BLOCK_C: tl.constexpr):
    """The convolution's: that of ``grad`` with the kernel turned round."""
    strip = tl.program_id(0) * BLOCK_S + tl.arange(0, BLOCK_S)
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    site, left, line, column, exists = place(rows, strip, runs, across, SIDE,
                                             STRIP)
    totals = _convolved(grad, weight, index, line, column, exists, c, height,
                        across, SIDE, channels, True, STRIP, BLOCK_S, BLOCK_C)
    for s in tl.static_range(STRIP):
        store(out, totals[s], site + s, exists & (left > s), c, channels)


@triton.jit(do_not_specialize=SIZES)
def gradient_of_weight(x, grad, rows, index, sums, runs, height, across, SIDE,
                       chunk,
                       channels: tl.constexpr,
                       STRIP: tl.constexpr,
                       BLOCK_S: tl.constexpr,
                       BLOCK_C: tl.constexpr):
    """Sums (chunks, 49, C) over chunk strips each; a line of taps a program.
    """
    dtype: tl.constexpr = sums.dtype.element_ty
    i = tl.program_id(1)
    c = tl.program_id(2) * BLOCK_C + tl.arange(0, BLOCK_C)
    taps = _zeros(KERNEL, BLOCK_S, BLOCK_C, dtype)
    for step in range(0, chunk, BLOCK_S):
        strip = (tl.program_id(0) * chunk + step) + tl.arange(0, BLOCK_S)
        site, left, line, column, exists = place(rows, strip, runs, across,
                                                 SIDE, STRIP)
        grads = ()
        for s in tl.static_range(STRIP):
            grads = grads + (load(grad, site + s, exists & (left > s), c,
                                  channels, dtype), )
        is_row = _is_row(line, i, exists, height)
        run = line
        for j in tl.static_range(STRIP + KERNEL - 1):
            run, value = neighbour(x, index, run, line + i - MARGIN, column,
                                   is_row, c, across, SIDE, channels, j, STRIP,
                                   dtype)
            taps = _add_products(taps, value, grads, j, KERNEL, STRIP)
    first = tl.program_id(0) * _TAPS + i * KERNEL
    for k in tl.static_range(KERNEL):
        tl.store(sums + (first + k).to(tl.int64) * channels + c,
                 tl.sum(taps[k], 0), mask=c < channels)
