"""Linear layers by oneDNN's matrix product, if PyTorch was built with it."""
import functools
from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional as F

# PyTorch keeps it for compiled models; its own linear layers take MKL's
# product for float32. On AMD's Zen 4 this one is 1.0x to 1.75x as fast at the
# sizes of the stages (benchmarks/results/2026-11-23_backbone_cpu.md).
_onednn_linear = getattr(torch.ops.mkldnn, '_linear_pointwise', None)


@functools.cache
def _has_bf16_instructions() -> bool:
    # PyTorch before 2.6 does not say; where oneDNN emulates the instructions,
    # by AVX-512 alone, products take longer than in float32.
    asked = (getattr(torch.cpu, f'_is_{name}_supported', None)
             for name in ('avx512_bf16', 'amx_tile'))
    return any(is_supported and is_supported() for is_supported in asked)


def has_fast_bf16() -> bool:
    """Tell if operators on this CPU are faster in bfloat16 than in float32."""
    return (_onednn_linear is not None and torch.backends.mkldnn.enabled
            and _has_bf16_instructions())


def type_of_sums(dtype: torch.dtype) -> torch.dtype:
    """Choose the type of sums over sites: float32 at least."""
    return torch.promote_types(dtype, torch.float32)


def _has_onednn(x: Tensor) -> bool:
    if x.dtype == torch.bfloat16:
        return x.is_cpu and has_fast_bf16()
    return (_onednn_linear is not None and x.is_cpu
            and x.dtype == torch.float32 and torch.backends.mkldnn.enabled)


def linear(x: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
           out: Optional[Tensor] = None) -> Tensor:
    """Compute ``F.linear`` without gradients, in ``out`` if it is given.

    ``x`` and ``out`` are contiguous, ``weight`` is or its transpose is.
    """
    if _has_onednn(x):  # which cannot write to given memory
        y = _onednn_linear(x, weight, bias, 'none', [], '')
    else:
        y = F.linear(x, weight, bias)
    return y if out is None else out.copy_(y)


def linear_gelu(x: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
    """Compute ``F.gelu`` of ``linear``, in one pass over the result."""
    if not _has_onednn(x):
        return F.gelu(F.linear(x, weight, bias))
    return _onednn_linear(x, weight, bias, 'gelu', [], 'none')


def add_product(total: Optional[Tensor], left: Tensor,
                right: Tensor) -> Tensor:
    """Add a product of matrices to ``total``, if there is one, in place.

    The sum is of float32 at least, whatever the type of the factors.
    """
    if total is None:
        return (left @ right).to(type_of_sums(left.dtype))
    if total.dtype == left.dtype:
        return total.addmm_(left, right)
    return total.add_(left @ right)
