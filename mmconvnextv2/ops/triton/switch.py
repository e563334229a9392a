"""The one place that says whether the Triton kernels are wanted."""
import os

import torch
from torch import Tensor

# 1 or 0; 0 if it is not set.
SWITCH = 'MMCONVNEXTV2_TRITON'
# Of Triton itself, read when it is imported: 1 to run kernels on a CPU, in
# numpy, to test their numbers.
INTERPRETER = 'TRITON_INTERPRET'
_OLDEST = (3, 3)  # of those that the kernels are tested with


def wants_triton(x: Tensor) -> bool:
    """Whether a Triton kernel is to compute what follows ``x``.

    That is if ``MMCONVNEXTV2_TRITON`` is 1 and ``x`` is on a GPU; or on a CPU
    if Triton interprets its kernels. Elsewhere the plain path is taken without
    a word, so that one process may use both.

    Args:
        x (Tensor): The input.

    Returns:
        bool: Never true if the variable is not set.

    Raises:
        ValueError: If the variable is neither 0 nor 1.
        ImportError: If it is 1 and there is no Triton, or too old a one.
    """
    given = os.environ.get(SWITCH, '0')
    if given not in ('0', '1'):
        raise ValueError(f'the variable {SWITCH} must be 1 (Triton kernels on '
                         f'GPUs) or 0 (the default), got {given!r}')
    if given == '0':
        return False
    _check_triton()
    return runs_triton(x)


def runs_triton(x: Tensor) -> bool:
    """Whether kernels can read ``x``: on a GPU, or interpreted on a CPU."""
    return x.is_cuda or (x.is_cpu and os.environ.get(INTERPRETER) == '1')


def as_autocast(x: Tensor) -> Tensor:
    """``x`` in the type that autocast, if on, has for matrix products."""
    if not hasattr(torch, 'get_autocast_dtype'):  # before torch 2.4
        on, dtype = torch.is_autocast_enabled(), torch.get_autocast_gpu_dtype()
    else:
        on = torch.is_autocast_enabled(x.device.type)
        dtype = torch.get_autocast_dtype(x.device.type)
    return x.to(dtype) if on and x.dtype != torch.float64 else x


def _check_triton() -> None:
    try:
        import triton
        found = triton.__version__
    except ImportError:
        found = 'none'
    numbers = tuple(int(n) for n in found.split('.')[:2] if n.isdigit())
    if numbers < _OLDEST:
        raise ImportError(
            f'{SWITCH}=1 needs Triton {_OLDEST[0]}.{_OLDEST[1]} or newer, '
            f'which comes with PyTorch 2.7 for GPUs; found {found} beside '
            f'torch {torch.__version__}. Unset {SWITCH} to go on without.')
