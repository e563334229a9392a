"""The four passes of GELU + GRN over maps (N, S, E), and two between them.

E is contiguous. A program takes CHUNK sites of one image and BLOCK_E channels;
between the passes, one image and all channels. Numbers are float32, or float64
if the norms are: GELU is not rounded. HALF: maps have a type of two bytes.
"""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl


@triton.jit
def _place(channels, chunks, CHUNK: tl.constexpr, BLOCK_E: tl.constexpr):
    """Find a program's image, the first site of its chunk, its channels."""
    row = tl.program_id(0)
    c = tl.program_id(1) * BLOCK_E + tl.arange(0, BLOCK_E)
    # 64 bits: maps may have more than 2**31 entries.
    return (row // chunks).to(tl.int64), row % chunks * CHUNK, c


@triton.jit
def _normal(x, HALF: tl.constexpr):
    """Compute the normal distribution F(x)."""
    if HALF:
        # log2 F(-|x|) as a polynomial of |x|, fitted to scipy's log_ndtr on
        # [0, 6]. F is wrong by 1.6e-7 at most, and by 1e-4 of itself, which
        # half precision does not see. By erf the passes take twice as long.
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
def _tile(image, begin, c, sites, channels, BLOCK_S: tl.constexpr):
    """Find a step's sites and entries, and which of each exist."""
    rows = tl.arange(0, BLOCK_S)
    first = image * sites + begin
    is_site = begin + rows < sites
    at = first * channels + (rows[:, None] * channels + c[None, :])
    inside = is_site[:, None] & (c < channels)[None, :]
    return first + rows, is_site, at, inside


@triton.jit
def _shown(x, visible, at, is_site):
    """Put zeros at masked sites; visible may be None."""
    if visible is not None:
        x *= tl.load(visible + at, mask=is_site, other=0).to(x.dtype)[:, None]
    return x


@triton.jit
def _gelu(h, visible, image, begin, c, sites, channels, dtype: tl.constexpr,
          HALF: tl.constexpr, BLOCK_S: tl.constexpr):
    """Compute GELU of a step, zero at masked sites; returns its tile first."""
    place, is_site, at, inside = _tile(image, begin, c, sites, channels,
                                       BLOCK_S)
    x = tl.load(h + at, mask=inside, other=0).to(dtype)
    return at, inside, _shown(x * _normal(x, HALF), visible, place, is_site)


@triton.jit
def _total(sums, image, c, is_channel, channels, chunks, BLOCK: tl.constexpr):
    """Sum over an image's chunks of sums (N, chunks, E)."""
    total = tl.zeros([BLOCK], sums.dtype.element_ty)
    for chunk in range(chunks):
        at = (image * chunks + chunk).to(tl.int64) * channels + c
        total += tl.load(sums + at, mask=is_channel, other=0)
    return total


@triton.jit
def _response(norm, channels, EPS: tl.constexpr):
    """Compute GRN's n, and the divisor of norms."""
    mean = tl.sum(norm, 0) / channels + EPS
    return norm / mean, mean


@triton.jit
def square_sums(h, visible, sums, sites, channels, chunks, HALF: tl.constexpr,
                CHUNK: tl.constexpr, BLOCK_S: tl.constexpr,
                BLOCK_E: tl.constexpr):
    """Sum the squares of GELU(h): (N, chunks, E)."""
    dtype: tl.constexpr = sums.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    # A total for each entry of a tile; over its sites at the end, once.
    total = tl.zeros([BLOCK_S, BLOCK_E], dtype)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        _, _, a = _gelu(h, visible, image, begin + step, c, sites, channels,
                        dtype, HALF, BLOCK_S)
        total += a * a
    tl.store(sums + tl.program_id(0) * channels + c, tl.sum(total, 0),
             mask=c < channels)


@triton.jit
def scale_and_shift(h, visible, scale, beta, out, sites, channels, chunks,
                    HALF: tl.constexpr, CHUNK: tl.constexpr,
                    BLOCK_S: tl.constexpr, BLOCK_E: tl.constexpr):
    """Compute GELU(h) * scale + beta, with scale (N, E) and beta (E, )."""
    dtype: tl.constexpr = scale.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    is_channel = c < channels
    factor = tl.load(scale + image * channels + c, mask=is_channel, other=0)
    shift = tl.load(beta + c, mask=is_channel, other=0).to(dtype)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        at, inside, a = _gelu(h, visible, image, begin + step, c, sites,
                              channels, dtype, HALF, BLOCK_S)
        y = a * factor[None, :] + shift[None, :]
        tl.store(out + at, y.to(out.dtype.element_ty), mask=inside)


@triton.jit
def gradient_sums(h, visible, grad, by_scale, by_beta, sites, channels, chunks,
                  HALF: tl.constexpr, CHUNK: tl.constexpr,
                  BLOCK_S: tl.constexpr, BLOCK_E: tl.constexpr):
    """Sum grad * GELU(h) and grad: (N, chunks, E)."""
    dtype: tl.constexpr = by_scale.dtype.element_ty
    image, begin, c = _place(channels, chunks, CHUNK, BLOCK_E)
    scales = tl.zeros([BLOCK_S, BLOCK_E], dtype)
    betas = tl.zeros([BLOCK_S, BLOCK_E], dtype)
    for step in range(0, tl.minimum(CHUNK, sites - begin), BLOCK_S):
        place, is_site, at, inside = _tile(image, begin + step, c, sites,
                                           channels, BLOCK_S)
        x = tl.load(h + at, mask=inside, other=0).to(dtype)
        g = tl.load(grad + at, mask=inside, other=0).to(dtype)
        a = _shown(x * _normal(x, HALF), visible, place, is_site)
        scales += g * a
        betas += g
    to = tl.program_id(0) * channels + c
    tl.store(by_scale + to, tl.sum(scales, 0), mask=c < channels)
    tl.store(by_beta + to, tl.sum(betas, 0), mask=c < channels)


@triton.jit
def gradient_of_input(h, visible, grad, scale, by_norm, out, sites, channels,
                      chunks, HALF: tl.constexpr, CHUNK: tl.constexpr,
                      BLOCK_S: tl.constexpr, BLOCK_E: tl.constexpr):
    """Compute (grad * scale + GELU(h) * by_norm) * GELU'(h)."""
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
        normal = _normal(x, HALF)
        a, slope = x * normal, normal + x * (
            0.39894228040143267794 * tl.exp(-0.5 * x * x))
        # Masked sites are constants; a needs no mask where slope is zero.
        slope = _shown(slope, visible, place, is_site)
        d = (g * factor[None, :] + a * norm[None, :]) * slope
        tl.store(out + at, d.to(out.dtype.element_ty), mask=inside)


@triton.jit
def norms_and_scale(squares, gamma, norms, scale, channels, chunks,
                    LARGEST: tl.constexpr, EPS: tl.constexpr,
                    BLOCK: tl.constexpr):
    """Compute norms (N, E) from sums of squares, and scale = 1 + gamma * n."""
    image = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    is_channel = c < channels
    total = _total(squares, image, c, is_channel, channels, chunks, BLOCK)
    norm = tl.minimum(tl.sqrt(total), LARGEST)
    factor = tl.load(gamma + c, mask=is_channel, other=0).to(norm.dtype)
    response, _ = _response(norm, channels, EPS)
    at = image * channels + c
    tl.store(norms + at, norm, mask=is_channel)
    tl.store(scale + at, factor * response + 1, mask=is_channel)


@triton.jit
def gradients_of_statistics(by_scale, by_beta, norms, gamma, by_norm, scale,
                            by_parameters, images, channels, chunks,
                            LARGEST: tl.constexpr, EPS: tl.constexpr,
                            BLOCK: tl.constexpr):
    """Turn sums of gradients into the factors of the last pass (N, E).

    Those are scale, and the gradient of the norms divided by them; also an
    image's part of the gradients of gamma and beta (2, N, E).
    """
    image = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    is_channel = c < channels
    at = image * channels + c
    norm = tl.load(norms + at, mask=is_channel, other=0)
    factor = tl.load(gamma + c, mask=is_channel, other=0).to(norm.dtype)
    response, mean = _response(norm, channels, EPS)
    grad = _total(by_scale, image, c, is_channel, channels, chunks, BLOCK)
    shift = _total(by_beta, image, c, is_channel, channels, chunks, BLOCK)
    tl.store(by_parameters + at, grad * response, mask=is_channel)
    tl.store(by_parameters + images * channels + at, shift, mask=is_channel)
    grad *= factor
    grad = (grad - tl.sum(grad * response, 0) / channels) / mean
    # Norms are constant at zero, by convention, and where they are capped.
    constant = (norm == 0) | (norm >= LARGEST)
    grad = tl.where(constant, 0, grad / tl.where(constant, 1, norm))
    tl.store(by_norm + at, grad, mask=is_channel)
    tl.store(scale + at, factor * response + 1, mask=is_channel)
