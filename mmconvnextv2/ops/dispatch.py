"""When this package's operators stand in for PyTorch's layers."""
import contextlib
from typing import Iterator, Tuple

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from mmconvnextv2.models.layers.grn import GRN
from mmconvnextv2.models.layers.norm import LayerNorm
from mmconvnextv2.ops.triton.switch import wants_triton
from .compile import is_compiling, is_exporting

_LAYERS = (nn.Conv2d, nn.Linear, nn.GELU, GRN, LayerNorm)
_HOOKS = ('_forward_hooks', '_forward_pre_hooks', '_backward_hooks',
          '_backward_pre_hooks')
# Of all modules: torch.nn.modules.module.register_module_forward_hook() ...
_GLOBAL_HOOKS = ('_global_forward_hooks', '_global_forward_pre_hooks',
                 '_global_backward_hooks', '_global_backward_pre_hooks')
_enabled = True


@contextlib.contextmanager
def plain_layers() -> Iterator[None]:
    """Compute by PyTorch's own layers only, for comparisons."""
    global _enabled
    before, _enabled = _enabled, False
    try:
        yield
    finally:
        _enabled = before


def fuses(x: Tensor, *layers: nn.Module) -> bool:
    """Whether an operator of ours may compute layers in their place.

    It may in float32 and float64 on a CPU: not under autocast, which chooses
    types layer by layer; not where a compiler, a tracer or a transform has to
    see the layers; and not if a layer has hooks or another class (a
    parametrization, an adapter) and so does more than its name says.

    Args:
        x (Tensor): The input.
        *layers (nn.Module): The layers.
    """
    return (_may_replace(x, layers) and not is_compiling()
            and x.is_cpu and not _is_autocast()
            and x.dtype in (torch.float32, torch.float64))


def fuses_by_triton(x: Tensor, *layers: nn.Module) -> bool:
    """Whether a Triton kernel is to compute layers in their place.

    On the conditions of ``fuses``, but on a GPU, also under autocast, in half
    precision too, under torch.compile, which keeps kernels as operators, and
    only where ``MMCONVNEXTV2_TRITON=1`` asks for it.

    Args:
        x (Tensor): The input.
        *layers (nn.Module): The layers.

    Raises:
        ValueError: If the variable is neither 0 nor 1.
        ImportError: If it asks for Triton where there is none.
    """
    return (_may_replace(x, layers) and x.is_floating_point()
            and wants_triton(x))


def _may_replace(x: Tensor, layers: Tuple[nn.Module, ...]) -> bool:
    return (_enabled and not _is_traced() and x.numel() > 0
            and not any(getattr(torch_module, x) for x in _GLOBAL_HOOKS)
            and all(_is_plain(layer) for layer in layers))


def _is_autocast() -> bool:
    if hasattr(torch, 'get_autocast_dtype'):  # since torch 2.4
        return torch.is_autocast_enabled('cpu')
    return torch.is_autocast_cpu_enabled()


def _is_traced() -> bool:
    if is_compiling():
        return is_exporting()
    transforms = getattr(torch._C, '_are_functorch_transforms_active', bool)
    return torch.jit.is_tracing() or transforms()


def _is_plain(layer: nn.Module) -> bool:
    return (type(layer) in _LAYERS
            and getattr(layer, 'approximate', 'none') == 'none'  # of GELU
            and not any(getattr(layer, name, None) for name in _HOOKS))
