"""Linear layers by oneDNN's matrix product, if PyTorch was built with it."""
from typing import Optional

import torch
from torch import Tensor
from torch.nn import functional as F

# PyTorch keeps it for compiled models; its own linear layers take MKL's
# product for float32. On AMD's Zen 4 this one is 1.0x to 1.75x as fast at the
# sizes of the stages (benchmarks/results/2026-11-23_backbone_cpu.md).
_onednn_linear = getattr(torch.ops.mkldnn, '_linear_pointwise', None)


def _has_onednn(x: Tensor) -> bool:
    return (_onednn_linear is not None and x.is_cpu
            and x.dtype == torch.float32 and torch.backends.mkldnn.enabled)


def linear(x: Tensor,
           weight: Tensor,
           bias: Optional[Tensor] = None,
           out: Optional[Tensor] = None) -> Tensor:
    """Compute ``F.linear`` without gradients.

    Args:
        x (Tensor): (..., C_in), contiguous.
        weight (Tensor): (C_out, C_in), or the transpose of one.
        bias (Tensor, optional): (C_out, ).
        out (Tensor, optional): (..., C_out), contiguous, to which the result
            is written. Defaults to None, new memory.

    Returns:
        Tensor: (..., C_out).
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
