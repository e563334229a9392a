"""The kernels in a block: on a GPU, or in Triton's interpreter."""
import pytest
import torch

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
from mmconvnextv2.ops.dispatch import fuses_by_triton
from mmconvnextv2.ops.triton import depthwise_norm as module


@pytest.fixture
def calls(monkeypatch):
    return spy(monkeypatch, module, 'depthwise_norm')


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
    block.norm.register_forward_hook(lambda *args: None)
    block(x)
    assert not calls


def test_off_by_default(monkeypatch):
    x, conv, norm = torch.zeros(1, device=DEVICE), torch.nn.Conv2d(
        3, 3, 7), LayerNorm(3)
    monkeypatch.delenv('MMCONVNEXTV2_TRITON', raising=False)
    assert not fuses_by_triton(x, conv, norm)
    monkeypatch.setenv('MMCONVNEXTV2_TRITON', '1')
    assert fuses_by_triton(x, conv, norm)
    assert not fuses_by_triton(x, conv, torch.nn.BatchNorm2d(3))
