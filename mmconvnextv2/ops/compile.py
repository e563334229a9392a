"""torch.compile: blocks compiled by it, and what it is to leave out."""
import contextlib
import functools
import types
from typing import Callable, ContextManager

import torch
from mmengine.utils import digit_version

# Of compilations of one function, for each combination of sizes and modes;
# after eight, PyTorch's own limit, other ones would run uncompiled.
_MOST = 64
_OLDEST = '2.7'


def is_exporting() -> bool:
    """Tell if torch.export is reading the code, as far as can be known.

    Before PyTorch 2.12 a strict export looks like torch.compile; before 2.7,
    torch.compile like an export.
    """
    # Not is_exporting(), which is true of both before 2.12.
    flag = getattr(torch.compiler, '_is_exporting_flag', None)
    return torch.compiler.is_compiling() if flag is None else flag


def is_transformed() -> bool:
    """Tell if ``torch.func`` differentiates or maps the code, uncompiled."""
    return (not torch.compiler.is_compiling()
            and torch._C._are_functorch_transforms_active())


def not_compiled(function: Callable) -> Callable:
    """Keep a function that branches on tensors out of compiled graphs."""
    disabled = []

    @functools.wraps(function)
    def call(*args, **kwargs):
        if not torch.compiler.is_compiling():
            return function(*args, **kwargs)
        # Not before it is needed, since it imports all of the compiler.
        if not disabled:
            disabled.append(torch.compiler.disable(function))
        return disabled[0](*args, **kwargs)

    return call


def uncompiled() -> ContextManager:
    """Run compiled functions as they were, so that hooks see their layers.

    PyTorch before 2.6 cannot.
    """
    set_stance = getattr(torch.compiler, 'set_stance', contextlib.nullcontext)
    return set_stance('force_eager')


def compiled(function: Callable, name: str, **options) -> Callable:
    """Compile a function, apart for each name that it is given.

    Modules of equal sizes that share a name share what is compiled. PyTorch
    decides by a function's code whether sizes vary, and how often it has been
    compiled; so modules whose sizes differ for good need code of their own.
    ``options`` are those of ``torch.compile``.

    Raises:
        ValueError: If PyTorch does not know the mode or the backend, or is
            older than 2.7.
    """
    if digit_version(torch.__version__) < digit_version(_OLDEST):
        raise ValueError(
            f'compiled blocks need PyTorch {_OLDEST} or newer, found '
            f'{torch.__version__}: older ones break their graphs')
    config = torch._dynamo.config
    config.recompile_limit = max(config.recompile_limit, _MOST)
    try:
        return torch.compile(_named(function, name), **options)
    except RuntimeError as e:
        raise ValueError(
            f'torch.compile does not take {options}: {e}') from e


@functools.cache
def _named(function: Callable, name: str) -> Callable:
    """Copy a function's code, by which PyTorch tells functions apart."""
    return types.FunctionType(
        function.__code__.replace(co_name=name), function.__globals__, name,
        function.__defaults__, function.__closure__)
