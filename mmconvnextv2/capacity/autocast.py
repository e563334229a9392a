"""CUDA's autocast on PyTorch's meta device, which has none of its own."""
from typing import Any, Callable, Dict, Optional, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

# Of PyTorch's lists for CUDA ("CUDA Ops that can autocast to float16" and "to
# float32"), what the models here call. All else runs in the type it is given.
_TO_HALF = {F.linear, F.conv2d}
_TO_FLOAT = {F.layer_norm, F.cross_entropy, F.log_softmax, F.mse_loss}


class CudaAutocast(TorchFunctionMode):
    """Choose types function by function, as autocast does on a GPU.

    The cast copy of a parameter is kept until ``leave``, as autocast keeps it
    until its context ends.

    Args:
        dtype (torch.dtype): torch.bfloat16 or torch.float16.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self._copies: Optional[Dict[int, Tensor]] = {}

    def leave(self) -> None:
        """End of the forward pass: forget the copies, and keep no more.

        Casting goes on, for what the backward pass computes anew.
        """
        self._copies = None

    def __torch_function__(self,
                           func: Callable,
                           types: Sequence[type],
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        kwargs = kwargs or {}
        if func in _TO_HALF:
            dtype = self.dtype
        elif func in _TO_FLOAT:
            dtype = torch.float32
        else:
            return func(*args, **kwargs)
        return func(*(self._cast(x, dtype) for x in args),
                    **{key: self._cast(x, dtype) for key, x in kwargs.items()})

    def _cast(self, x: Any, dtype: torch.dtype) -> Any:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            return x
        is_parameter = x.requires_grad and x.is_leaf
        if self._copies is None or x.dtype == dtype or not is_parameter:
            return x.to(dtype)
        if id(x) not in self._copies:
            self._copies[id(x)] = x.to(dtype)
        return self._copies[id(x)]
