"""The kernels in a block: on a GPU, or in Triton's interpreter."""
import pytest
import torch
from torch import nn

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import DEVICE, LAYOUTS, block_and_leaves, relative, step

from mmconvnextv2.models.layers.norm import LayerNorm
from mmconvnextv2.ops import dispatch
from mmconvnextv2.ops.dispatch import (
    fuses_by_triton,
    plain_layers,
    triton_kernels,
)
from mmconvnextv2.ops.triton import depthwise_norm, gelu_grn


@pytest.fixture(params=[depthwise_norm, gelu_grn])
def calls(request, monkeypatch):
    """Types of the maps that a kernel has returned."""
    # Or else the whole MLP is fused in another way, in float64 on a CPU.
    monkeypatch.setattr(dispatch, 'fuses', lambda *layers: False)
    module, seen = request.param, []
    name = module.__name__.rpartition('.')[2]
    kernel = getattr(module, name)

    def spied(*args):
        y = kernel(*args)
        seen.append(y.dtype)
        return y

    monkeypatch.setattr(module, name, spied)
    with triton_kernels():
        yield seen


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_block(calls, layout, with_cp):
    layout, height, width = LAYOUTS[layout]
    block, leaves = block_and_leaves(height, width, with_cp=with_cp)
    found = step(block, leaves, layout)
    assert len(calls) == 1 + with_cp
    with plain_layers():
        expected = step(block, leaves, layout)
    assert len(calls) == 1 + with_cp
    for a, b in zip(found, expected):
        assert relative(a, b) <= 4e-13


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_block_under_autocast(calls, layout, dtype):
    layout, height, width = LAYOUTS[layout]
    block, leaves = block_and_leaves(height, width, torch.float32)

    def flat_step():
        return torch.cat([x.double().flatten() for x in step(
            block, leaves, layout)])

    with plain_layers():
        exact = flat_step()
    with torch.autocast(DEVICE, dtype):
        fused = flat_step()
        with plain_layers():
            plain = flat_step()
    assert calls == [dtype]
    # As far from exact as the layers are, which round more often.
    assert relative(fused, exact) <= 1.5 * relative(plain, exact)


def test_a_hook_sees_its_layer(calls):
    block, (x, *_) = block_and_leaves(4, 4)
    for layer in (block.norm, block.act):
        layer.register_forward_hook(lambda *args: None)
    block(x)
    assert not calls


def test_where_they_apply():
    x = torch.zeros(1, device=DEVICE)
    conv = nn.Conv2d(3, 3, 7, padding=3, groups=3)
    norm, act = LayerNorm(3), nn.GELU()
    with triton_kernels(False):
        assert not fuses_by_triton(x, conv, norm)
    with triton_kernels():
        assert fuses_by_triton(x, conv, norm)
        assert fuses_by_triton(x.half(), act)
        assert not fuses_by_triton(x, conv, nn.BatchNorm2d(3))
        assert not fuses_by_triton(x, nn.GELU('tanh'))
        assert not fuses_by_triton(x, act, None)
        assert not fuses_by_triton(x.long(), act)
        assert not fuses_by_triton(x.to('meta'), act)
        with plain_layers():
            assert not fuses_by_triton(x, act)
