"""Choose what computes the steps of a block: layers, operators or kernels.

The one place where this is decided. Layers compute by themselves unless an
operator of this package may replace them: those of ``ops`` on a CPU, the
Triton kernels on a GPU if the environment variable ``MMCONVNEXTV2_TRITON`` is
1 when this module is imported; :func:`triton_kernels` overrides it.
"""
import contextlib
import os
from typing import ContextManager, Iterator, Optional, Type

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.modules import module as torch_module

from . import grn_mlp as cpu
from .compile import is_exporting, is_transformed
from .depthwise import depthwise
from .linear import has_fast_bf16
from .packed_depthwise import RunsOfGrid, packed_depthwise
from .triton.host import runs_triton

SWITCH = 'MMCONVNEXTV2_TRITON'
_OLDEST_TRITON = (3, 3)  # of those that the kernels are tested with
_LAYERS = [nn.Conv2d, nn.Linear, nn.GELU]
_PLAIN = (nn.Parameter, Tensor)
_HOOKS = ('_forward_hooks', '_forward_pre_hooks', '_backward_hooks',
          '_backward_pre_hooks')
# Of all modules: register_module_forward_hook() ...
_GLOBAL_HOOKS = [getattr(torch_module, f'_global{x}') for x in _HOOKS]

_switches = dict(triton=os.environ.get(SWITCH, '0'), operators=True)


def replaceable(cls: Type[nn.Module]) -> Type[nn.Module]:
    """Let operators compute layers of this class, though not of subclasses."""
    _LAYERS.append(cls)
    return cls


@contextlib.contextmanager
def _switched(**switches) -> Iterator[None]:
    before = dict(_switches)
    _switches.update(switches)
    try:
        yield
    finally:
        _switches.update(before)


def plain_layers() -> ContextManager:
    """Let layers compute by themselves, for comparisons."""
    return _switched(operators=False)


def triton_kernels(wanted: bool = True) -> ContextManager:
    """Behave as if ``MMCONVNEXTV2_TRITON`` had been 1, or 0."""
    return _switched(triton='1' if wanted else '0')


def depthwise_norm(x: Tensor, conv: nn.Conv2d, norm: nn.Module,
                   runs: Optional[RunsOfGrid] = None) -> Tensor:
    """Apply a depthwise convolution with "same" padding, then a norm.

    Args:
        x (Tensor): (N, H, W, C), zero at sites that no neighbour may see.
        conv (nn.Conv2d): The convolution.
        norm (nn.Module): LayerNorm over C.
        runs (RunsOfGrid, optional): Where each run x[n, h] of W sites lies in
            a larger grid, zero elsewhere. Defaults to None: ``x`` is the grid.

    Raises:
        ValueError: If ``MMCONVNEXTV2_TRITON`` is neither 0 nor 1.
        ImportError: If it is 1 and Triton is missing or too old.
    """
    sites = x if runs is None else x.flatten(0, 1)
    if fuses_by_triton(x, conv, norm):
        # Not imported above, since it imports Triton.
        from .triton import depthwise_norm as kernels
        return kernels.depthwise_norm(sites, conv.weight, conv.bias,
                                      norm.weight, norm.bias, norm.eps,
                                      runs).view(x.shape)
    if runs is not None:  # no layer of PyTorch's convolves runs
        if _is_plain(conv):
            if fuses(x, conv):
                sites = sites.to(_type_for(x))
            y = packed_depthwise(sites, conv.weight, conv.bias, runs)
        else:
            y = runs.gather(conv(runs.scatter(sites)))
        return norm(y.view(x.shape))
    # The permuted views have the strides of the channels-last memory format,
    # which convolutions keep: nothing is copied.
    y = x.permute(0, 3, 1, 2)
    if fuses(x, conv):
        y = depthwise(y.to(_type_for(x)), conv.weight, conv.bias)
    else:
        y = conv(y)
    return norm(y.permute(0, 2, 3, 1))


def grn_mlp(x: Tensor, linear1: nn.Linear, act: nn.GELU,
            grn: Optional[nn.Module], linear2: nn.Linear,
            visible: Optional[Tensor] = None) -> Tensor:
    """Apply a linear layer, GELU, GRN if there is one, and a linear layer.

    Args:
        x (Tensor): (N, H, W, C).
        linear1, act, grn, linear2: The layers; between them are E channels.
        visible (Tensor, optional): (N, H, W, 1), 1 for sites that GRN counts
            and 0 for the others. Defaults to None, all count.

    Raises:
        ValueError, ImportError: As :func:`depthwise_norm`.
    """
    flat = None if visible is None else visible.flatten(1, 2)
    if fuses(x, linear1, act, grn, linear2):
        sites = x.to(_type_for(x)).flatten(1, 2).contiguous()
        y = cpu.grn_mlp(
            sites, linear1.weight, linear1.bias, grn.gamma, grn.beta,
            linear2.weight, linear2.bias, grn.eps, flat)
        return y.view(x.shape)
    # On a GPU the products are cuBLAS's; the kernel is what lies between.
    x = linear1(x)
    if fuses_by_triton(x, act, grn):
        from .triton import gelu_grn as kernels
        y = kernels.gelu_grn(x.flatten(1, 2), grn.gamma, grn.beta, grn.eps,
                             flat)
        return linear2(y.view(x.shape))
    x = act(x)
    if grn is not None:
        # Under autocast x has changed its type.
        x = grn(x) if visible is None else grn(x, visible.to(x.dtype))
    return linear2(x)


def fuses(x: Tensor, *layers: nn.Module) -> bool:
    """Decide if an operator of ``ops`` computes layers of ``x``.

    It does so in float32 and float64 on a CPU, and in bfloat16 where that is
    faster, be it by autocast or the type of ``x``; not where a compiler, a
    tracer, a counter, a transform or derivatives in forward mode must see the
    layers; and not if a layer is more or other than its name says: by hooks,
    another class (a parametrization, an adapter), a ``forward`` of its own,
    parameters of another kind or type or none, or another geometry.
    """
    return (not torch.compiler.is_compiling() and type(x) in _PLAIN
            and x.is_cpu and _type_for(x) is not None
            and _may_replace(x, *layers))


def _type_for(x: Tensor) -> Optional[torch.dtype]:
    """Choose the type in which operators compute; None if only layers do."""
    dtype = x.dtype
    if torch.is_autocast_enabled('cpu'):
        if dtype == torch.float64:  # which autocast leaves as it is
            return None
        dtype = torch.get_autocast_dtype('cpu')
    known = dtype in (torch.float32, torch.float64) or (
        dtype == torch.bfloat16 and has_fast_bf16())
    return dtype if known else None


def fuses_by_triton(x: Tensor, *layers: nn.Module) -> bool:
    """Decide if a Triton kernel computes layers.

    As :func:`fuses` says, but on a GPU, if kernels are wanted, and also in
    half precision, under autocast and under torch.compile, which keeps kernels
    as operators.
    """
    return (type(x) in _PLAIN and wants_triton(x) and x.is_floating_point()
            and _may_replace(x, *layers))


def wants_triton(x: Tensor) -> bool:
    """Tell if Triton kernels are wanted and can read ``x``.

    Raises:
        ValueError, ImportError: As :func:`depthwise_norm`.
    """
    wanted = _switches['triton']
    if wanted == '0':
        return False
    if wanted != '1':
        raise ValueError(f'the variable {SWITCH} must be 1 (Triton kernels on '
                         f'GPUs) or 0 (the default), got {wanted!r}')
    _check_triton()
    return runs_triton(x)


def _check_triton() -> None:
    try:
        import triton
        found = triton.__version__
    except ImportError:
        found = 'none'
    numbers = tuple(int(n) for n in found.split('.')[:2] if n.isdigit())
    if numbers < _OLDEST_TRITON:
        oldest = '.'.join(map(str, _OLDEST_TRITON))
        raise ImportError(
            f'{SWITCH}=1 needs Triton {oldest} or newer, which comes with '
            f'PyTorch 2.7 for GPUs; found {found} beside torch '
            f'{torch.__version__}. Unset {SWITCH} to go on without.')


def _may_replace(x: Tensor, *layers: Optional[nn.Module]) -> bool:
    if torch.compiler.is_compiling():
        # Exported graphs are to hold layers; compiled ones may hold kernels.
        traced = is_exporting()
    else:
        # Modes: tracers, and counters of operators.
        traced = (torch.jit.is_tracing() or forward_ad._current_level >= 0
                  or torch._C._len_torch_dispatch_stack() > 0
                  or is_transformed())
    if not _switches['operators'] or traced or x.numel() == 0 or any(
            _GLOBAL_HOOKS):
        return False
    # Autocast makes the types equal.
    dtype = None if torch.is_autocast_enabled(x.device.type) else x.dtype
    return all(_is_plain(layer, dtype) for layer in layers)


def _is_plain(layer: Optional[nn.Module],
              dtype: Optional[torch.dtype] = None) -> bool:
    """Decide if a layer computes what its class and its parameters say."""
    # Read from __dict__, which takes a third of the time: this runs in each
    # call, so that changes of a layer count at once.
    kind, state = type(layer), getattr(layer, '__dict__', {})
    if kind not in _LAYERS or 'forward' in state:
        return False
    for name in _HOOKS:
        if state[name]:
            return False
    for p in state['_parameters'].values():
        # Neither None nor a subclass, such as quantised weights.
        if type(p) not in _PLAIN or p.dtype != (dtype or p.dtype):
            return False
    if kind is nn.Conv2d:  # depthwise, with zeros as "same" padding
        return (layer.groups == layer.in_channels == layer.out_channels
                and layer.padding_mode == 'zeros'
                and layer.stride == layer.dilation == (1, 1)
                and all(k == 2 * p + 1
                        for k, p in zip(layer.kernel_size, layer.padding)))
    return kind is not nn.GELU or layer.approximate == 'none'
