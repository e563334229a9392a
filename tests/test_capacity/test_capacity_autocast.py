import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmconvnextv2.capacity.autocast import CudaAutocast
from mmconvnextv2.models.layers import ConvNeXtV2Block
from mmconvnextv2.models.layers.downsample import Downsample


class Operators(TorchDispatchMode):
    """What runs, and in which type it gives what."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        first = out[0] if isinstance(out, tuple) else out
        if isinstance(first, torch.Tensor):
            self.found.append((str(func), first.dtype, tuple(first.shape)))
        return out


def of_cuda(module, x, dtype):
    """By PyTorch's own rules for CUDA, on tensors that pretend to be there.

    Autograd cannot run on those without a GPU, so no parameter is trained.
    """
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        module.requires_grad_(False).to_empty(device='cuda')
        x = torch.empty(x.shape, device='cuda')
        before = torch.get_autocast_dtype('cuda')
        torch.set_autocast_dtype('cuda', dtype)
        torch.set_autocast_enabled('cuda', True)
        try:
            with Operators() as operators:
                module(x)
        finally:
            torch.set_autocast_enabled('cuda', False)
            torch.set_autocast_dtype('cuda', before)
            torch.clear_autocast_cache()
    return operators.found


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('make', [
    lambda: ConvNeXtV2Block(16),
    lambda: Downsample(16, 32),
], ids=['block', 'downsample'])
def test_types_are_those_of_cuda(make, dtype):
    x = torch.empty(2, 8, 8, 16, device='meta')
    module = make().to('meta')
    with torch.no_grad(), CudaAutocast(dtype), Operators() as operators:
        module(x)
    # Which casts come first is not the same; what they cast is.
    assert sorted(operators.found, key=str) == sorted(
        of_cuda(make(), x, dtype), key=str)
    assert {dtype, torch.float32} <= {x[1] for x in operators.found}


@pytest.mark.parametrize('trained', [True, False])
def test_copies_of_parameters_are_kept_until_it_is_left(trained):
    weight = torch.ones(3, 3, requires_grad=trained)
    x = torch.ones(1, 3)
    seen = []

    class Casts(TorchDispatchMode):

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func is torch.ops.aten._to_copy.default:
                seen.append(tuple(args[0].shape))
            return func(*args, **(kwargs or {}))

    with CudaAutocast(torch.bfloat16) as autocast, Casts():
        F.linear(x, weight)
        F.linear(x, weight)
        assert seen.count((3, 3)) == (1 if trained else 2)
        autocast.leave()
        out = F.linear(x, weight)
        assert seen.count((3, 3)) == (2 if trained else 3)
    assert out.dtype == torch.bfloat16


def test_keyword_arguments_are_cast_and_integers_are_not():
    with CudaAutocast(torch.float16):
        out = F.linear(torch.ones(1, 3), weight=torch.ones(2, 3))
        loss = F.cross_entropy(out, target=torch.tensor([1]))
    assert (out.dtype, loss.dtype) == (torch.float16, torch.float32)
