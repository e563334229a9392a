"""The kernels in a block: on a GPU, or in Triton's interpreter."""
import pytest
import torch
from torch import nn

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import (
    DEVICE,
    LAYOUTS,
    assert_equals_layers,
    block_and_leaves,
    errors_under_autocast,
    spy,
)

from mmconvnextv2.models.layers.norm import LayerNorm
from mmconvnextv2.ops import dispatch
from mmconvnextv2.ops.dispatch import (
    fuses_by_triton,
    plain_layers,
    triton_kernels,
)
from mmconvnextv2.ops.triton import depthwise_norm, gelu_grn


@pytest.fixture(params=['depthwise_norm', 'gelu_grn'])
def calls(request, monkeypatch):
    """Types of the maps that a kernel has seen."""
    # Or else the whole MLP is fused in another way, in float64 on a CPU.
    monkeypatch.setattr(dispatch, 'fuses', lambda *layers: False)
    modules = dict(depthwise_norm=depthwise_norm, gelu_grn=gelu_grn)
    with triton_kernels():
        yield spy(monkeypatch, modules[request.param], request.param)


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_block(calls, layout, with_cp):
    layout, height, width = LAYOUTS[layout]
    block, leaves = block_and_leaves(height, width, with_cp=with_cp)
    assert_equals_layers(block, leaves, layout, calls, 4e-13)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_block_under_autocast(calls, layout, dtype):
    layout, height, width = LAYOUTS[layout]
    block, leaves = block_and_leaves(height, width, torch.float32)
    fused, plain = errors_under_autocast(block, leaves, layout, dtype)
    assert calls == [dtype]
    # As far from exact as the layers are, which round more often.
    assert fused <= 1.5 * plain


def test_a_hook_sees_its_layer(calls):
    block, (x, *_) = block_and_leaves(4, 4)
    for layer in (block.norm, block.act):
        layer.register_forward_hook(lambda *args: None)
    block(x)
    assert not calls


def test_where_they_apply():
    x = torch.zeros(1, device=DEVICE)
    conv, norm, act = nn.Conv2d(3, 3, 7), LayerNorm(3), nn.GELU()
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
