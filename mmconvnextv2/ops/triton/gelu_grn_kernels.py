"""The four passes of GELU + GRN over maps (N, S, E), E contiguous.

A program takes CHUNK sites of one image and BLOCK_E channels. Numbers are
float32, or float64 if the norms are: whatever the type of the maps, GELU is
not rounded between the passes. HALF: maps are of a type of two bytes.
"""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl


@triton.jit
def _place(channels, chunks, CHUNK: tl.constexpr,
           BLOCK_E: tl.constexpr):
    """Image, its first site of the chunk, and the channels of a program."""
    row = tl.program_id(0)
    c = tl.program_id(1) * BLOCK_E + tl.arange(0, BLOCK_E)
    # 64 bits: maps may have more than 2**31 entries.
    return (row // chunks).to(tl.int64), row % chunks * CHUNK, c


@triton.jit
def _normal(x, HALF: tl.constexpr):
    """The normal distribution F(x)."""
    if HALF:
        # log2 F(-|x|) as a polynomial of |x|, fitted to scipy's log_ndtr on
        # [0, 6]. F is wrong by 1.6e-7 at most, and by 1e-4 of itself, which
        # half precision does not see. PyTorch's way, by erf, takes twice the
        # operations, and the passes as much longer: they bound them.
        a = tl.abs(x)
        p = -6.0411750E-07 * a + 1.08412857e-05
        p = p * a - 4.36570030e-05
        p = p * a - 4.89497528e-04
        p = p * a + 7.51905050e-03
        p = p * a - 5.27944677e-02
        p = p * a - 4.59120750e-01
        p = p * a - 1.15111339e+00
        tail = tl.exp2(p * a - 1)
        normal = tl.where(x > 0, 1 - tail, tail)
    else:
        normal = 0.5 * (1 + tl.erf(x * 0.70710678118654752440))
    return normal


@triton.jit
def _gelu(x, HALF: tl.constexpr):
    return x * _normal(x, HALF)


@triton.jit
def _gelu_and_slope(x, HALF: tl.constexpr):
    """GELU and its derivative: x * F(x) and F(x) + x * F'(x)."""
    normal = _normal(x, HALF)
    return x * normal, normal + x * (
        0.39894228040143267794 * tl.exp(-0.5 * x * x))


@triton.jit
def _tile(image, begin, c, sites, channels, BLOCK_S: tl.constexpr):
    """A step's sites, whether they exist, their entries and which exist."""
    rows = tl.arange(0, BLOCK_S)
    first = image * sites + begin
    is_site = begin + rows < sites
    at = first * channels + (rows[:, None] * channels + c[None, :])
    inside = is_site[:, None] & (c < channels)[None, :]
    return first + rows, is_site, at, inside


@triton.jit
def _shown(x, visible, at, is_site):
    """x, zero at masked sites; visible may be None."""
    if visible is not None:
        x *= tl.load(visible + at, mask=is_site, other=0).to(x.dtype)[:, None]
    return x


@triton.jit
def square_sums(h, visible, sums, sites, channels, chunks,
                HALF: tl.constexpr,
                CHUNK: tl.constexpr,
                BLOCK_S: tl.constexpr,
                BLOCK_E: tl.constexpr):
    """Sums (N, chunks, E) of the squares of GELU(h)."""
    dtype: tl.constexpr = sums.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    total = tl.zeros([BLOCK_S, BLOCK_E], dtype)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        place, is_site, at, inside = _tile(image, begin + step, c, sites,
                                           channels, BLOCK_S)
        x = tl.load(h + at, mask=inside, other=0).to(dtype)
        a = _gelu(x, HALF)
        a = _shown(a, visible, place, is_site)
        total += a * a
    tl.store(sums + tl.program_id(0) * channels + c, tl.sum(total, 0),
             mask=c < channels)


@triton.jit
def scale_and_shift(h, visible, scale, beta, out, sites, channels, chunks,
                    HALF: tl.constexpr,
                    CHUNK: tl.constexpr,
                    BLOCK_S: tl.constexpr,
                    BLOCK_E: tl.constexpr):
    """GELU(h) * scale + beta, with scale (N, E) and beta (E, )."""
    dtype: tl.constexpr = scale.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    is_channel = c < channels
    factor = tl.load(scale + image * channels + c, mask=is_channel, other=0)
    shift = tl.load(beta + c, mask=is_channel, other=0).to(dtype)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        place, is_site, at, inside = _tile(image, begin + step, c, sites,
                                           channels, BLOCK_S)
        x = tl.load(h + at, mask=inside, other=0).to(dtype)
        a = _gelu(x, HALF)
        a = _shown(a, visible, place, is_site)
        y = a * factor[None, :] + shift[None, :]
        tl.store(out + at, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
def gradient_sums(h, visible, grad, by_scale, by_beta, sites, channels, chunks,
                  HALF: tl.constexpr,
                  CHUNK: tl.constexpr,
                  BLOCK_S: tl.constexpr,
                  BLOCK_E: tl.constexpr):
    """Sums (N, chunks, E) of grad * GELU(h) and of grad."""
    dtype: tl.constexpr = by_scale.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    scales = tl.zeros([BLOCK_S, BLOCK_E], dtype)
    betas = tl.zeros([BLOCK_S, BLOCK_E], dtype)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        place, is_site, at, inside = _tile(image, begin + step, c, sites,
                                           channels, BLOCK_S)
        x = tl.load(h + at, mask=inside, other=0).to(dtype)
        g = tl.load(grad + at, mask=inside, other=0).to(dtype)
        a = _gelu(x, HALF)
        a = _shown(a, visible, place, is_site)
        scales += g * a
        betas += g
    to = tl.program_id(0) * channels + c
    tl.store(by_scale + to, tl.sum(scales, 0), mask=c < channels)
    tl.store(by_beta + to, tl.sum(betas, 0), mask=c < channels)


@triton.jit
def gradient_of_input(h, visible, grad, scale, by_norm, out, sites, channels,
                      chunks,
                      HALF: tl.constexpr,
                      CHUNK: tl.constexpr,
                      BLOCK_S: tl.constexpr,
                      BLOCK_E: tl.constexpr):
    """(grad * scale + GELU(h) * by_norm) * GELU'(h); scale, by_norm (N, E)."""
    dtype: tl.constexpr = scale.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    is_channel = c < channels
    to = image * channels + c
    factor = tl.load(scale + to, mask=is_channel, other=0)
    norm = tl.load(by_norm + to, mask=is_channel, other=0)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        place, is_site, at, inside = _tile(image, begin + step, c, sites,
                                           channels, BLOCK_S)
        x = tl.load(h + at, mask=inside, other=0).to(dtype)
        g = tl.load(grad + at, mask=inside, other=0).to(dtype)
        a, slope = _gelu_and_slope(x, HALF)
        slope = _shown(slope, visible, place, is_site)
        d = (g * factor[None, :] + a * norm[None, :]) * slope
        tl.store(out + at, d.to(out.dtype.element_ty), mask=inside)
