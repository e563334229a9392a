"""Bytes that PyTorch's eager operators move, counted call by call."""
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Traffic(TorchDispatchMode):
    """Bytes of whole maps that operators read and write; views move none."""

    def __init__(self, numel):
        super().__init__()
        self.numel = numel
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if not func.is_view and 'detach' not in func.name():
            given = tree_leaves((args, kwargs or {})) + tree_leaves(out)
            self.bytes += sum(
                x.nbytes for x in given
                if isinstance(x, torch.Tensor) and x.numel() == self.numel)
        return out


def bytes_per_entry(function, leaves):
    """Forward, backward and kept bytes for each entry of the first leaf.

    Of maps as large as it; all leaves get a gradient.
    """
    numel = leaves[0].numel()
    kept = {}
    with _Traffic(numel) as forward, torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.update({x.data_ptr(): x}) or x, lambda x: x):
        out = function(*leaves)
    grad = torch.ones_like(out)
    with _Traffic(numel) as backward:
        torch.autograd.grad(out, leaves, grad)
    maps = sum(x.nbytes for x in kept.values() if x.numel() == numel)
    return tuple(b // numel for b in (forward.bytes, backward.bytes, maps))
