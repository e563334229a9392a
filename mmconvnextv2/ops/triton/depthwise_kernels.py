"""The depthwise convolution, 7x7, with LayerNorm after it, and its gradients.

A program takes BLOCK_S strips of STRIP sites (see ``site_kernels.py``) and
BLOCK_C channels. Numbers are float32, or float64 if the weights (49, C) are,
whatever the type of the maps.
"""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl

from .site_kernels import MARGIN, load, neighbour, place, store

KERNEL = tl.constexpr(7)
_TAPS = tl.constexpr(49)
# Else kernels would be compiled anew for sizes that 16 divides, say.
SIZES = ['runs', 'height', 'across', 'SIDE', 'chunk']


@triton.jit
def _zeros(NUMBER: tl.constexpr, BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr,
           dtype: tl.constexpr):
    """Make a tuple of tiles."""
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
    """Load the seven weights of line i, each as a tile."""
    # Of the map's shape: others would be converted through shared memory.
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
    """Tell if the same image has a line i - MARGIN lines below."""
    row = line % height + i - MARGIN
    return exists & (row >= 0) & (row < height)


@triton.jit
def _convolved(x, weight, rows, index, c, runs, height, across, SIDE,
               channels: tl.constexpr, FLIP: tl.constexpr, STRIP: tl.constexpr,
               BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr):
    """Convolve a program's strips.

    Returns a tuple of the results at the sites of each strip, the first site,
    how many there are, and whether the strip exists.
    """
    dtype: tl.constexpr = weight.dtype.element_ty
    strip = tl.program_id(0) * BLOCK_S + tl.arange(0, BLOCK_S)
    site, left, line, column, exists = place(rows, strip, runs, across, SIDE,
                                             STRIP)
    totals = _zeros(STRIP, BLOCK_S, BLOCK_C, dtype)
    # A line of the kernel at a time, whose seven taps stay in registers; each
    # site that is read serves all sites of the strip that it neighbours.
    for i in range(KERNEL):
        taps = _taps_of_line(weight, i, c, channels, FLIP, BLOCK_S, BLOCK_C)
        is_row = _is_row(line, i, exists, height)
        run = line
        for j in tl.static_range(STRIP + KERNEL - 1):
            run, value = neighbour(x, index, run, line + i - MARGIN, column,
                                   is_row, c, across, SIDE, channels, j, STRIP,
                                   dtype)
            totals = _add_products(totals, value, taps, j, STRIP, KERNEL)
    return totals, site, left, exists


@triton.jit
def _parameter(p, c, channels: tl.constexpr):
    """Load a parameter (C, ) as (1, BLOCK_C)."""
    return tl.load(p + c, mask=c < channels, other=0)[None, :]


@triton.jit
def _normalised(x, c, channels: tl.constexpr, EPS: tl.constexpr):
    """Normalise x over its channels; returns its deviation, too."""
    centred = tl.where((c < channels)[None, :],
                       x - (tl.sum(x, 1) / channels)[:, None], 0)
    deviation = tl.sqrt(tl.sum(centred * centred, 1) / channels + EPS)
    return centred / deviation[:, None], deviation


@triton.jit(do_not_specialize=SIZES)
def convolution_and_norm(x, weight, bias, gamma, beta, rows, index, conv_out,
                         out, runs, height, across, SIDE,
                         channels: tl.constexpr, EPS: tl.constexpr,
                         STRIP: tl.constexpr, BLOCK_S: tl.constexpr,
                         BLOCK_C: tl.constexpr):
    """Compute LayerNorm of the convolution; BLOCK_C covers all channels.

    ``conv_out``, which may be None, receives the convolution.
    """
    c = tl.arange(0, BLOCK_C)
    totals, site, left, exists = _convolved(
        x, weight, rows, index, c, runs, height, across, SIDE, channels, False,
        STRIP, BLOCK_S, BLOCK_C)
    bias, gamma, beta = (_parameter(bias, c, channels),
                         _parameter(gamma, c, channels),
                         _parameter(beta, c, channels))
    for s in tl.static_range(STRIP):
        x = totals[s] + bias
        if conv_out is not None:
            store(conv_out, x, site + s, exists & (left > s), c, channels)
        y = _normalised(x, c, channels, EPS)[0] * gamma + beta
        store(out, y, site + s, exists & (left > s), c, channels)


@triton.jit(do_not_specialize=['sites', 'chunk'])
def gradient_of_norm(grad, conv_out, gamma, out, sums, sites, chunk,
                     channels: tl.constexpr, EPS: tl.constexpr,
                     BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr):
    """Compute the gradients of LayerNorm's input, and three sums of them.

    (chunks, 3, C), over chunk sites each: the gradients of the convolution's
    bias, gamma and beta. BLOCK_C covers all channels.
    """
    dtype: tl.constexpr = sums.dtype.element_ty
    c = tl.arange(0, BLOCK_C)
    is_c = c < channels
    factor = _parameter(gamma, c, channels)
    by_gamma = tl.zeros([BLOCK_S, BLOCK_C], dtype)
    by_beta, by_bias = by_gamma, by_gamma
    for step in range(0, chunk, BLOCK_S):
        site = tl.program_id(0).to(tl.int64) * chunk + (
            step + tl.arange(0, BLOCK_S))
        exists = site < sites
        x = load(conv_out, site, exists, c, channels, dtype)
        g = load(grad, site, exists, c, channels, dtype)
        # Computed anew from what LayerNorm took: no statistics are kept.
        y, deviation = _normalised(x, c, channels, EPS)
        d = g * factor
        along = tl.sum(d * y, 1) / channels
        d -= (tl.sum(d, 1) / channels)[:, None] + y * along[:, None]
        d /= deviation[:, None]
        store(out, d, site, exists, c, channels)
        by_gamma += g * y
        by_beta += g
        by_bias += tl.where(exists[:, None] & is_c[None, :], d, 0)
    to = sums + tl.program_id(0) * 3 * channels + c
    tl.store(to, tl.sum(by_bias, 0), mask=is_c)
    tl.store(to + channels, tl.sum(by_gamma, 0), mask=is_c)
    tl.store(to + 2 * channels, tl.sum(by_beta, 0), mask=is_c)


@triton.jit(do_not_specialize=SIZES)
def gradient_of_input(grad, weight, rows, index, out, runs, height, across,
                      SIDE, channels: tl.constexpr, STRIP: tl.constexpr,
                      BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr):
    """Convolve ``grad`` with the kernel turned round."""
    c = tl.program_id(1) * BLOCK_C + tl.arange(0, BLOCK_C)
    totals, site, left, exists = _convolved(
        grad, weight, rows, index, c, runs, height, across, SIDE, channels,
        True, STRIP, BLOCK_S, BLOCK_C)
    for s in tl.static_range(STRIP):
        store(out, totals[s], site + s, exists & (left > s), c, channels)


@triton.jit(do_not_specialize=SIZES)
def gradient_of_weight(x, grad, rows, index, sums, runs, height, across, SIDE,
                       chunk, channels: tl.constexpr, STRIP: tl.constexpr,
                       BLOCK_S: tl.constexpr, BLOCK_C: tl.constexpr):
    """Sum (chunks, 49, C) over chunk strips each; a program has a line."""
    dtype: tl.constexpr = sums.dtype.element_ty
    i = tl.program_id(1)
    c = tl.program_id(2) * BLOCK_C + tl.arange(0, BLOCK_C)
    # Tiles are summed over their sites at the end, once.
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
