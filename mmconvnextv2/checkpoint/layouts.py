"""Layouts of ConvNeXt weights in other code bases."""
import math
import re

from torch import Tensor

from .errors import CheckpointError

# Matrices that some code bases store as kernels of 1x1 convolutions.
_MATRICES = re.compile(
    r'.*pointwise_conv[12]\.weight|neck\.(proj|pred)\.weight')
# Vectors that have more dimensions in some code bases.
_VECTORS = re.compile(r'.*(\.bias|\.gamma|\.beta|mask_token)')


def from_minkowski(kernel: Tensor) -> Tensor:
    """Turn a kernel of MinkowskiEngine into one of torch's convolutions.

    MinkowskiEngine keeps the sites of a kernel in one dimension, in which the
    first coordinate (the column of a map) varies slowest: (k * k, C) of a
    depthwise convolution becomes (C, 1, k, k), and (k * k, C_in, C_out) of a
    full one (C_out, C_in, k, k).

    Raises:
        CheckpointError: If the kernel has another shape.
    """
    side = math.isqrt(kernel.shape[0]) if kernel.ndim else 0
    if kernel.ndim not in (2, 3) or not side or side**2 != kernel.shape[0]:
        raise CheckpointError(
            'a kernel of MinkowskiEngine must be (k * k, C) or (k * k, C_in, '
            f'C_out), got {tuple(kernel.shape)}')
    if kernel.ndim == 2:
        kernel = kernel[:, None]
    # (k * k, C_in, C_out) -> (C_out, C_in, column, row) -> (..., row, column)
    weight = kernel.permute(2, 1, 0).unflatten(2, (side, side))
    return weight.transpose(2, 3).contiguous()


def to_minkowski(weight: Tensor, depthwise: bool) -> Tensor:
    """Undo ``from_minkowski``."""
    kernel = weight.transpose(2, 3).flatten(2).permute(2, 1, 0)
    return (kernel[:, 0] if depthwise else kernel).contiguous()


def to_our_layout(name: str, value: Tensor) -> Tensor:
    """Drop the dimensions of size 1 that other code bases have.

    What is left is (C, ) for vectors and (C_out, C_in) for matrices; a value
    of a wrong size stays as it is. The name is this package's.
    """
    if _MATRICES.fullmatch(name) and value.shape[2:] == (1, 1):
        return value.flatten(1)
    is_vector = value.ndim and value.numel() == max(value.shape)
    return value.flatten() if is_vector and _VECTORS.fullmatch(name) else value
