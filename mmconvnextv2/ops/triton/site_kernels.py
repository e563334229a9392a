"""Access to the sites of whole maps and of packed runs.

Sites lie in runs (R, SIDE, C), C contiguous, a run being SIDE sites side by
side in a grid of ``across`` runs per line and ``height`` lines per image. Of a
whole map each line is a run, and a strip STRIP sites of it, the last strip
perhaps fewer. Otherwise a run is a strip; ``rows`` (R, ) says where in the
grid it is and ``index`` which run is there, or -1; sites of no run are zero.
"""
# ruff: noqa: N803 - constants are written large in Triton
import triton
import triton.language as tl

MARGIN = tl.constexpr(3)


@triton.jit
def place(rows, strip, runs, across, SIDE, STRIP: tl.constexpr):
    """Find the first site, sites, line and column of strips that exist."""
    if rows is not None:
        exists = strip < runs
        at = tl.load(rows + strip, mask=exists, other=0)
        line, column = at // across, at % across * STRIP
        site, left = strip.to(tl.int64) * STRIP, column * 0 + STRIP
    else:
        per_line = (SIDE + STRIP - 1) // STRIP
        line, column = strip // per_line, strip % per_line * STRIP
        exists = line < runs
        site, left = line.to(tl.int64) * SIDE + column, SIDE - column
    return site, left, line, column, exists


@triton.jit
def tile(exists, c, channels: tl.constexpr):
    """Mark the entries that exist, of sites and channels c."""
    there = exists[:, None]
    # Only if tiles have more channels than there are. The interpreter cannot
    # compute channels % c.shape[0].
    if (c.shape[0] - channels) % c.shape[0] != 0:
        there = there & (c < channels)[None, :]
    return there


@triton.jit
def load(x, site, exists, c, channels: tl.constexpr, dtype: tl.constexpr):
    """Load channels c of sites, zero where there is none."""
    return tl.load(x + site[:, None] * channels + c[None, :],
                   mask=tile(exists, c, channels),
                   other=0).to(dtype)


@triton.jit
def store(out, value, site, exists, c, channels: tl.constexpr):
    tl.store(out + site[:, None] * channels + c[None, :],
             value.to(out.dtype.element_ty),
             mask=tile(exists, c, channels))


@triton.jit
def neighbour(x, index, run, line, column, exists, c, across, SIDE,
              channels: tl.constexpr, j: tl.constexpr, STRIP: tl.constexpr,
              dtype: tl.constexpr):
    """Load channels c of the sites j - MARGIN columns from where strips begin.

    Returns also the run that they lie in, to be passed with the next j.
    """
    offset: tl.constexpr = j - MARGIN
    if index is None:
        # Compiled to one address for all j, and a constant.
        first = (line.to(tl.int64) * SIDE + column)[:, None] * channels
        inside = exists & (column + offset >= 0) & (column + offset < SIDE)
        value = tl.load(x + (first + c[None, :]) + offset * channels,
                        mask=tile(inside, c, channels), other=0)
    else:
        away: tl.constexpr = offset // STRIP
        if j == 0 or offset % STRIP == 0:
            there = column // STRIP + away
            inside = exists & (there >= 0) & (there < across)
            run = tl.load(index + line * across + there, mask=inside, other=-1)
        site = run.to(tl.int64)[:, None] * (STRIP * channels)
        value = tl.load(
            x + (site + c[None, :]) + (offset - away * STRIP) * channels,
            mask=tile(run >= 0, c, channels), other=0)
    return run, value.to(dtype)
