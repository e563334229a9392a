"""Launch kernels and declare them to torch.compile.

Triton's own functions for whole numbers are not used on the host: each call of
them takes as long as a launch.
"""
import functools
import os
from typing import Callable, Sequence

import torch
from torch import Tensor

# Triton's own variable, which it reads when it is imported: 1 to run kernels
# on a CPU, in numpy, to test their numbers.
INTERPRETER = 'TRITON_INTERPRET'


def runs_triton(x: Tensor) -> bool:
    """Tell if kernels can read ``x``: on a GPU, or interpreted on a CPU."""
    return x.is_cuda or (x.is_cpu and os.environ.get(INTERPRETER) == '1')


def require_triton(x: Tensor, name: str) -> None:
    """Refuse a map that the kernels of function ``name`` cannot read."""
    if not runs_triton(x):
        raise ValueError(
            f'{name} needs a map on a GPU, got one on {x.device}; use '
            f'{name}_by_layers, or, to test the kernels on a CPU, '
            f'{INTERPRETER}=1 from the start of the process')


def launch(kernel: Callable, programs: Sequence[int], *arguments,
           **constants) -> None:
    """Run a kernel on the device of its first argument."""
    with torch.cuda.device_of(arguments[0]):  # need not be the current one
        # Triton 3.10 no longer does by itself; it halves the operations.
        kernel[tuple(programs)](
            *arguments, enable_fp_fusion=True, **constants)


def rounded_up(a: int, b: int) -> int:
    """Divide a by b and round up."""
    return -(-a // b)


def power_of_2(n: int) -> int:
    """Round n up to a power of two."""
    return 1 << (n - 1).bit_length()


def operator(like: Callable) -> Callable:
    """Declare a function to torch.compile, which cannot trace it.

    In a compiled graph it is ``torch.ops.mmconvnextv2.<its name>``; called
    directly it stays a function. It changes none of its arguments, which must
    have type annotations; ``like`` takes the same and returns empty tensors of
    the result's shapes, types and strides.
    """

    def decorate(function: Callable) -> Callable:
        kept = torch.library.custom_op(
            f'mmconvnextv2::{function.__name__}', function, mutates_args=())
        kept.register_fake(like)

        @functools.wraps(function)
        def call(*arguments):
            # PyTorch's dispatcher takes longer than a launch.
            compiling = torch.compiler.is_compiling()
            return (kept if compiling else function)(*arguments)

        return call

    return decorate
