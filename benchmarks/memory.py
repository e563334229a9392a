"""What a step keeps for its backward pass, and how much memory it takes."""
from pathlib import Path
from typing import Callable

import torch
from torch import Tensor, nn


def saved_bytes(model: nn.Module, forward: Callable[..., Tensor],
                *args: Tensor) -> int:
    """Bytes that autograd keeps from ``forward(*args)``, parameters apart."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        forward(*args)
    return sum(storage.nbytes() for storage in kept.values())


def peak_on_gpu(step: Callable[[], None]) -> int:
    """Bytes that a step takes at most, beside what there was before it."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    return torch.cuda.max_memory_allocated() - before


def growth(step: Callable[[], None]) -> int:
    """Bytes by which this process grows at most in a step (Linux)."""
    Path('/proc/self/clear_refs').write_text('5')  # forget the peak so far
    before = _status('VmRSS')
    step()
    return _status('VmHWM') - before


def _status(name: str) -> int:
    lines = Path('/proc/self/status').read_text().splitlines()
    line = next(line for line in lines if line.startswith(name))
    return 1024 * int(line.split()[1])
