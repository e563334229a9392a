"""Where a benchmark runs, and in which precision."""
import argparse
import contextlib
import platform
from typing import Callable, ContextManager

import torch
from torch import Tensor

from mmconvnextv2.ops.dispatch import triton_kernels

DTYPES = ('float32', 'bfloat16', 'float16')


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --device, by default a GPU if there is one, and --dtype."""
    parser.add_argument(
        '--device', choices=['cpu', 'cuda'],
        default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument(
        '--dtype', choices=DTYPES, default='float32',
        help='other than float32: by autocast, with float32 parameters')


def dtype_of(args: argparse.Namespace) -> torch.dtype:
    """The type that was asked for."""
    return getattr(torch, args.dtype)


def autocast(args: argparse.Namespace) -> ContextManager:
    """Autocast to the type that was asked for; none for float32."""
    if args.dtype == 'float32':
        return contextlib.nullcontext()
    return torch.autocast(args.device, dtype_of(args))


def by_triton(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """``forward`` with this package's Triton kernels."""

    def run(*inputs: Tensor) -> Tensor:
        with triton_kernels():
            return forward(*inputs)

    return run


def machine(device: str) -> str:
    """One line about what the timings were taken on."""
    name = torch.cuda.get_device_name() if device == 'cuda' else (
        f'CPU, {torch.get_num_threads()} threads')
    return f'{name}, torch {torch.__version__}, {platform.machine()}'


def graphed(run: Callable[[], None]) -> Callable[[], None]:
    """What a GPU has to do in ``run``, without a CPU: a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def synchronize() -> None:
    """Wait for what a GPU, if there is one, has to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
