"""Blocks through torch.compile; its graphs run as they are, uncompiled."""
import copy
import pickle

import pytest
import torch
from small_models import ARCH
from timm_reference import randomise

from mmconvnextv2 import ConvNeXtV2
from mmconvnextv2.models.layers import ConvNeXtV2Block
from mmconvnextv2.ops.dispatch import plain_layers

BACKEND = 'aot_eager'

pytestmark = pytest.mark.usefixtures('graphs')


def blocks_of(model):
    return [x for x in model.modules() if isinstance(x, ConvNeXtV2Block)]


def compiled_copy(model):
    other = copy.deepcopy(model)
    for block in blocks_of(other):
        block.compile(backend=BACKEND)
    return other


def step(model, *inputs):
    """Features and gradients, with the same images dropped each time."""
    torch.manual_seed(0)
    out = model(*inputs)[-1]
    grad = torch.arange(out.numel(), dtype=out.dtype).view(out.shape) % 7 - 3
    return [out, *torch.autograd.grad(out, list(model.parameters()), grad)]


def deep(**kwargs):
    """Three blocks in each stage, each with a drop path of its own."""
    arch = dict(ARCH, depths=[3, 3, 3, 3])
    return randomise(ConvNeXtV2(arch, drop_path_rate=0.5, **kwargs)).double()


def masks():
    is_masked = torch.rand(2, 4).argsort(1) >= 2
    return is_masked.view(2, 2, 2)


@pytest.mark.parametrize('with_cp', [False, True])
@pytest.mark.parametrize('masked', [False, True])
def test_each_stage_is_compiled_once(graphs, with_cp, masked):
    model = deep(with_cp=with_cp, final_norm=not masked)
    inputs = [images(64, 64), masks()][:1 + masked]
    with plain_layers():
        expected = step(model, *inputs)
    compiled = compiled_copy(model)
    for _ in range(2):
        found = step(compiled, *inputs)
        for a, b in zip(found, expected):
            assert (a - b).norm() <= 1e-12 * b.norm()
    # The first block, whose rate is zero, has no drop path.
    assert graphs['unique_graphs'] == 4 + 1
    compiled.eval()
    with torch.no_grad():
        compiled(*inputs)
    assert graphs['unique_graphs'] == 4 + 1 + 4


def images(height, width):
    return torch.randn(2, 3, height, width, dtype=torch.float64)


def test_sizes_become_variable(graphs):
    compiled = compiled_copy(deep())
    with torch.no_grad():
        for size in ((64, 96), (96, 64)):
            compiled(images(*size))
        once_they_vary = graphs['unique_graphs']
        for size in ((128, 160), (64, 224), (96, 160)):
            compiled(images(*size))
    assert graphs['unique_graphs'] == once_they_vary


def test_many_fixed_sizes_do_not_end_it(graphs):
    # PyTorch's own limit is eight compilations of a function.
    block = ConvNeXtV2Block(4)
    block.compile(backend=BACKEND, dynamic=False)
    for size in range(2, 12):
        block(torch.randn(1, 4, size, 2))
    assert graphs['unique_graphs'] == 10


@pytest.mark.parametrize('copied', [
    copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_their_own(graphs, copied):
    block = randomise(ConvNeXtV2Block(4))
    x = torch.randn(1, 4, 3, 3)
    expected = block(x)
    block.compile(backend=BACKEND)
    other = copied(block)
    torch.nn.init.zeros_(block.pointwise_conv2.weight)
    assert torch.equal(other(x), expected)
    assert not graphs['unique_graphs']
    block(x)
    assert graphs['unique_graphs'] == 1


@pytest.mark.parametrize('options', [dict(mode='fast'),
                                     dict(backend='nonsense')])
def test_refuses_what_pytorch_does_not_know(options):
    with pytest.raises(ValueError, match='^torch.compile does not take '
                       f'{options}: '):
        ConvNeXtV2Block(4).compile(**options)
