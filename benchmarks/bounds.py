"""What bounds a step: the machine's matrix rate and memory bandwidth."""
import argparse
import statistics
from typing import Callable, Dict, List

import torch
from devices import dtype_of
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmconvnextv2.ops.dispatch import plain_layers
from mmconvnextv2.ops.linear import linear

# Of the product's matrices, and bytes of the copy, read and written: enough
# for all cores, and more than caches hold.
SIDES = dict(cpu=2048, cuda=8192)
COPIED = dict(cpu=2**28, cuda=2**32)
MATRIX_PRODUCT, COPY = 'matrix product', 'copy'


def matrix_product(
        args: argparse.Namespace) -> Dict[str, Callable[[], Tensor]]:
    """To be timed: a product of square matrices, the fastest of PyTorch."""
    side = SIDES[args.device]
    a, b = torch.randn(
        2, side, side, device=args.device, dtype=dtype_of(args))
    return {MATRIX_PRODUCT: lambda: linear(a, b)}


def matrix_rate(seconds: Dict[str, List[float]],
                args: argparse.Namespace) -> float:
    """Operations per second, from the timings of ``matrix_product``."""
    product = 2 * SIDES[args.device]**3
    return product / statistics.median(seconds[MATRIX_PRODUCT])


def copy(args: argparse.Namespace) -> Dict[str, Callable[[], Tensor]]:
    """To be timed: a copy that no cache holds."""
    source, target = torch.rand(
        2, COPIED[args.device] // 8, device=args.device)
    return {COPY: lambda: target.copy_(source)}


def bandwidth(seconds: Dict[str, List[float]],
              args: argparse.Namespace) -> float:
    """Bytes read and written per second, from the timings of ``copy``."""
    return COPIED[args.device] / statistics.median(seconds[COPY])


def flops(forward: Callable[[], Tensor]) -> int:
    """Floating-point operations of all products of a forward pass.

    Counted at PyTorch's own layers. A training step has three times as many:
    each product has two of the same size in the backward pass (but for the
    stem, which needs no gradient of its input: below 0.5 %). What is computed
    a second time to save memory does not count.
    """
    with plain_layers(), torch.no_grad(), FlopCounterMode(
            display=False) as counter:
        forward()
    return counter.get_total_flops()
