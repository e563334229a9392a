"""torch.compile, where torch has it (2.1 and newer have its switches)."""
from typing import Callable

import torch


def is_compiling() -> bool:
    """Whether torch.compile or torch.export is reading the code."""
    compiler = getattr(torch, 'compiler', None)
    return getattr(compiler, 'is_compiling', bool)()


def not_compiled(function: Callable) -> Callable:
    """Keep a function out of torch.compile's graphs.

    For what branches on values of tensors, which would break a graph at every
    such place instead of once.
    """
    compiler = getattr(torch, 'compiler', None)
    return getattr(compiler, 'disable', lambda f: f)(function)
