"""How many bytes of tensors are alive at each moment of a computation."""
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class LiveBytes(TorchDispatchMode):
    """Count storages from their first tensor to the end of their last.

    Each storage counts once, however many views it has. For one device and
    without an allocator's rounding.

    Args:
        device (str): Type of the device whose tensors count.
        known (Iterable[Tensor]): What is there before and does not count.

    Attributes:
        now (int): Bytes alive.
        moments (list[int]): Bytes alive after each new storage.
    """

    def __init__(self, device: str, known: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.now = 0
        self.moments: List[int] = []
        self._device = device
        self._sizes: Dict[int, int] = {
            x.untyped_storage()._cdata: 0
            for x in known
        }

    def __torch_dispatch__(self,
                           func: Callable,
                           types: Sequence[type],
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for x in tree_flatten(out)[0]:
            if isinstance(x, Tensor) and x.device.type == self._device:
                self._add(x)
        return out

    def _add(self, x: Tensor) -> None:
        storage = x.untyped_storage()
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = storage.nbytes()
        self.now += storage.nbytes()
        self.moments.append(self.now)
        weakref.finalize(storage, self._remove, key)

    def _remove(self, key: int) -> None:
        self.now -= self._sizes.pop(key)
