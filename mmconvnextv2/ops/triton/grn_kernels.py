"""What GRN makes of an image's statistics, between the passes over its map.

A program takes one image (of N) and BLOCK channels, all of them.
"""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl


@triton.jit
def _total(sums, image, c, is_channel, channels, chunks,
           BLOCK: tl.constexpr):
    """Sum over an image's chunks of sums (N, chunks, E)."""
    total = tl.zeros([BLOCK], sums.dtype.element_ty)
    for chunk in range(chunks):
        at = (image * chunks + chunk).to(tl.int64) * channels + c
        total += tl.load(sums + at, mask=is_channel, other=0)
    return total


@triton.jit
def _response(norm, channels, EPS: tl.constexpr):
    """GRN's n, and what norms are divided by."""
    mean = tl.sum(norm, 0) / channels + EPS
    return norm / mean, mean


@triton.jit
def norms_and_scale(squares, gamma, norms, scale, channels, chunks,
                    LARGEST: tl.constexpr,
                    EPS: tl.constexpr,
                    BLOCK: tl.constexpr):
    """Norms (N, E) from sums of squares, and scale = 1 + gamma * n."""
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
                            LARGEST: tl.constexpr,
                            EPS: tl.constexpr,
                            BLOCK: tl.constexpr):
    """From sums of gradients what the last pass over the map takes.

    That is scale, anew, and the gradient of the norms over the norms (N, E).
    And an image's part of the gradients of gamma and beta (2, N, E).
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
    # Where norms are constant: at zero by convention, and where capped.
    constant = (norm == 0) | (norm >= LARGEST)
    grad = tl.where(constant, 0, grad / tl.where(constant, 1, norm))
    tl.store(by_norm + at, grad, mask=is_channel)
    tl.store(scale + at, factor * response + 1, mask=is_channel)
