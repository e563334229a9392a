"""Layouts of weight tensors, as pure functions."""
import math
import re

from torch import Tensor

# Our matrices that are kernels of 1x1 convolutions in some code bases.
_MATRICES = re.compile(
    r'.*pointwise_conv[12]\.weight|neck\.(proj|pred)\.weight')
# Our vectors that have more dimensions in some code bases.
_VECTORS = re.compile(r'.*(\.bias|\.gamma|\.beta|mask_token)')


def from_minkowski(kernel: Tensor) -> Tensor:
    """Turn a kernel of MinkowskiEngine into one of torch's convolutions.

    There, the sites of a kernel are one dimension, and the first coordinate
    (a map's column) varies slowest.

    Args:
        kernel (Tensor): (k * k, C) of a depthwise, (k * k, C_in, C_out) of a
            full convolution.

    Returns:
        Tensor: (C, 1, k, k) or (C_out, C_in, k, k).

    Raises:
        ValueError: If it has not such a shape.
    """
    side = math.isqrt(kernel.shape[0]) if kernel.ndim else 0
    if kernel.ndim not in (2, 3) or not side or side**2 != kernel.shape[0]:
        raise ValueError('a kernel of MinkowskiEngine must be (k * k, C) or '
                         f'(k * k, C_in, C_out), got {tuple(kernel.shape)}')
    if kernel.ndim == 2:
        kernel = kernel[:, None]
    # (k * k, C_in, C_out) -> (C_out, C_in, column, row) -> (..., row, column)
    weight = kernel.permute(2, 1, 0).unflatten(2, (side, side))
    return weight.transpose(2, 3).contiguous()


def to_minkowski(weight: Tensor, depthwise: bool) -> Tensor:
    """Undo ``from_minkowski``.

    Args:
        weight (Tensor): (C, 1, k, k) or (C_out, C_in, k, k).
        depthwise (bool): Whether it is of a depthwise convolution.

    Returns:
        Tensor: (k * k, C) or (k * k, C_in, C_out).
    """
    kernel = weight.transpose(2, 3).flatten(2).permute(2, 1, 0)
    return (kernel[:, 0] if depthwise else kernel).contiguous()


def to_our_layout(name: str, value: Tensor) -> Tensor:
    """Drop dimensions of size 1 that our parameter has not.

    What is left unchanged has our layout, or a size that is wrong anyway.

    Args:
        name (str): Our name of the parameter.
        value (Tensor): Its value in another code base's layout.

    Returns:
        Tensor: (C, ) for vectors, (C_out, C_in) for matrices.
    """
    if _MATRICES.fullmatch(name) and value.shape[2:] == (1, 1):
        return value.flatten(1)
    if _VECTORS.fullmatch(name) and value.ndim > 1 and value.numel() == max(
            value.shape):
        return value.flatten()
    return value
