"""What all launches share.

Triton's own functions for whole numbers are not used on the host: each call of
them takes as long as a launch.
"""
from typing import Callable, Sequence

import torch
from torch import Tensor


def launch(kernel: Callable, programs: Sequence[int], *arguments,
           **constants) -> None:
    """Run a kernel on the device of its first argument."""
    with torch.cuda.device_of(arguments[0]):  # need not be the current one
        # Triton 3.10 no longer does by itself; it halves the operations.
        kernel[tuple(programs)](
            *arguments, enable_fp_fusion=True, **constants)


def rounded_up(a: int, b: int) -> int:
    """The number of b that make a or more."""
    return -(-a // b)


def power_of_2(n: int) -> int:
    """n, or the next power of two."""
    return 1 << (n - 1).bit_length()


def own_type(x: Tensor) -> torch.dtype:
    """What is computed in for a map ``x``: float32 at least."""
    return torch.promote_types(x.dtype, torch.float32)
