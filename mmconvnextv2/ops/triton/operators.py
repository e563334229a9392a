"""Functions as operators of PyTorch, which torch.compile keeps as they are."""
import functools
from typing import Callable

import torch

from mmconvnextv2.ops.compile import is_compiling


def operator(like: Callable) -> Callable:
    """Make a function one operator to torch.compile, which cannot trace it.

    In a compiled graph it is ``torch.ops.mmconvnextv2.<its name>``; called by
    itself it stays a function, for PyTorch takes longer to dispatch an
    operator than the function to launch a kernel. It has type annotations, by
    which the operator is declared, and changes none of its arguments.

    Args:
        like (Callable): Takes the same arguments and returns empty tensors of
            the result's shapes, types and strides.

    Returns:
        Callable: A decorator.
    """

    def decorate(function: Callable) -> Callable:
        kept = torch.library.custom_op(
            f'mmconvnextv2::{function.__name__}', function, mutates_args=())
        kept.register_fake(like)

        @functools.wraps(function)
        def call(*arguments):
            return (kept if is_compiling() else function)(*arguments)

        return call

    return decorate
