"""LayerNorm over all channels of a tile, and its gradients."""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl

from .site_kernels import load, store


@triton.jit
def parameter(p, c, channels: tl.constexpr):
    """(1, BLOCK_C) of a parameter (C, )."""
    return tl.load(p + c, mask=c < channels, other=0)[None, :]


@triton.jit
def normalised(x, c, channels: tl.constexpr, EPS: tl.constexpr):
    """x minus its mean over the channels, over its deviation; and the latter.
    """
    centred = tl.where((c < channels)[None, :],
                       x - (tl.sum(x, 1) / channels)[:, None], 0)
    deviation = tl.sqrt(tl.sum(centred * centred, 1) / channels + EPS)
    return centred / deviation[:, None], deviation


@triton.jit
def store_normed(out, conv_out, x, gamma, beta, site, exists, c,
                 channels: tl.constexpr, EPS: tl.constexpr):
    """LayerNorm of x; and x, if it is wanted."""
    if conv_out is not None:
        store(conv_out, x, site, exists, c, channels)
    y, _ = normalised(x, c, channels, EPS)
    store(out, y * gamma + beta, site, exists, c, channels)


@triton.jit(do_not_specialize=['sites', 'chunk'])
def gradient_of_norm(grad, conv_out, gamma, out, sums, sites, chunk,
                     channels: tl.constexpr,
                     EPS: tl.constexpr,
                     BLOCK_S: tl.constexpr,
                     BLOCK_C: tl.constexpr):
    """Gradient of LayerNorm's input; BLOCK_C channels are all.

    And sums (chunks, 3, C) over chunk sites each: the gradients of the
    convolution's bias, gamma and beta.
    """
    dtype: tl.constexpr = sums.dtype.element_ty
    c = tl.arange(0, BLOCK_C)
    is_c = c < channels
    factor = parameter(gamma, c, channels)
    by_gamma = tl.zeros([BLOCK_S, BLOCK_C], dtype)
    by_beta, by_bias = by_gamma, by_gamma
    for step in range(0, chunk, BLOCK_S):
        site = tl.program_id(0).to(tl.int64) * chunk + (
            step + tl.arange(0, BLOCK_S))
        exists = site < sites
        x = load(conv_out, site, exists, c, channels, dtype)
        g = load(grad, site, exists, c, channels, dtype)
        y, deviation = normalised(x, c, channels, EPS)
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
