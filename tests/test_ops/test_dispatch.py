import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from operators import layouts, second_gradients
from torch import nn
from torch.autograd import forward_ad
from torch.nn.utils import parametrizations

from mmconvnextv2.models.layers.block import ConvNeXtV2Block
from mmconvnextv2.ops import linear
from mmconvnextv2.ops.dispatch import (
    fuses,
    plain_layers,
    triton_kernels,
    wants_triton,
)

HERE = Path(__file__).parent
LAYOUTS = layouts('cpu')


def make_block(dtype=torch.float32, **kwargs):
    torch.manual_seed(0)
    block = ConvNeXtV2Block(6, **kwargs).to(dtype)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.5)
    return block


def test_a_hook_sees_its_layer():
    block = make_block()
    x = torch.randn(2, 6, 4, 4)
    expected = block(x)
    seen = []
    handle = block.grn.register_forward_hook(
        lambda module, inputs, output: seen.append(output.shape))
    torch.testing.assert_close(block(x), expected)
    assert seen == [(2, 4, 4, 24)]
    handle.remove()
    block(x)
    assert len(seen) == 1


def test_a_changed_layer_is_called():
    block = make_block()
    x = torch.randn(2, 6, 4, 4)
    block.pointwise_conv1 = parametrizations.weight_norm(block.pointwise_conv1)
    assert not fuses(x, block.pointwise_conv1)
    block(x).sum().backward()
    original = block.pointwise_conv1.parametrizations.weight.original0
    assert original.grad.abs().sum() > 0


class Halved(torch.Tensor):
    """Weights that count half, as those of a quantiser count otherwise."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            args = [x.as_subclass(torch.Tensor) / 2 if isinstance(x, cls)
                    else x for x in args]
            return function(*args, **(kwargs or {}))


def _replace_forward(layer):
    original = layer.forward
    layer.forward = lambda *args: original(*args).relu()


def _halve_weight(layer):
    layer._parameters['weight'] = layer.weight.data.as_subclass(Halved)


CHANGES = {
    'dilation': ('depthwise_conv', lambda x: vars(x).update(
        dilation=(2, 2), padding=(6, 6))),
    'padding_mode': ('depthwise_conv', lambda x: x.__init__(
        6, 6, 7, padding=3, groups=6, padding_mode='circular')),
    'groups': ('depthwise_conv', lambda x: x.__init__(
        6, 6, 7, padding=3, groups=3)),
    'no bias': ('depthwise_conv', lambda x: setattr(x, 'bias', None)),
    'hook': ('depthwise_conv', lambda x: x.register_forward_hook(
        lambda module, inputs, output: output.relu())),
    'no bias of the first': ('pointwise_conv1',
                             lambda x: setattr(x, 'bias', None)),
    'no bias of the second': ('pointwise_conv2',
                              lambda x: setattr(x, 'bias', None)),
    'GRN in float64': ('grn', lambda x: x.double()),
    **{f'forward of {x}': (x, _replace_forward) for x in (
        'depthwise_conv', 'norm', 'pointwise_conv1', 'act', 'grn',
        'pointwise_conv2')},
    **{f'weights of {x}': (x, _halve_weight) for x in (
        'depthwise_conv', 'pointwise_conv1', 'pointwise_conv2')},
}


@pytest.mark.parametrize('name', CHANGES)
def test_what_others_change_in_a_layer_counts(name):
    """In whole maps, and in packed patches, which have no layer to call."""
    layer, change = CHANGES[name]
    block = make_block()
    maps = torch.randn(2, 6, 4, 4)
    before = block(maps)
    change(getattr(block, layer))
    with plain_layers():
        expected = block(maps)
    torch.testing.assert_close(block(maps), expected)
    if name != 'GRN in float64':
        assert (expected - before).abs().max() > 0.05
    found = {}
    for kind in ('masked', 'packed'):
        layout = LAYOUTS[kind][0]
        found[kind] = layout.unpack(block(layout.pack(maps), layout))
    torch.testing.assert_close(found['packed'], found['masked'])


def test_derivatives_in_forward_mode():
    block = make_block(torch.float64)
    x = torch.randn(1, 6, 4, 4, dtype=torch.float64)
    weight = block.pointwise_conv1.weight
    tangent = torch.randn_like(weight)
    with torch.no_grad(), forward_ad.dual_level():
        del block.pointwise_conv1.weight
        block.pointwise_conv1.weight = forward_ad.make_dual(weight, tangent)
        found = forward_ad.unpack_dual(block(x)).tangent
        ends = []
        for step in (1e-6, -1e-6):
            block.pointwise_conv1.weight = weight + step * tangent
            ends.append(block(x))
    expected = (ends[0] - ends[1]) / 2e-6
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_where_it_applies():
    x, layer = torch.zeros(1, 2), nn.Linear(2, 2)
    assert fuses(x, layer) and fuses(x.double(), nn.GELU())
    assert not fuses(x.half())
    assert not fuses(x.to('meta'))
    assert not fuses(x, nn.Sequential(layer))
    assert not fuses(x, nn.GELU('tanh'))
    with plain_layers():
        assert not fuses(x)
    with torch.autocast('cpu', torch.float16):
        assert not fuses(x)
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: None)
    assert not fuses(x)
    handle.remove()
    assert fuses(x)


@pytest.mark.parametrize('is_fast', [True, False])
def test_half_precision_where_it_is_fast(is_fast, monkeypatch):
    monkeypatch.setattr(linear, '_has_bf16_instructions', lambda: is_fast)
    x, layer = torch.zeros(1, 2), nn.Linear(2, 2)
    half = nn.Linear(2, 2).bfloat16()
    assert fuses(x.bfloat16(), half) == is_fast
    with torch.autocast('cpu', torch.bfloat16):
        assert fuses(x, layer) == is_fast
        assert fuses(x.bfloat16(), layer) == is_fast
        assert not fuses(x.double(), layer)
    with torch.backends.mkldnn.flags(enabled=False):
        assert not fuses(x.bfloat16(), half)


def test_not_under_a_tracer_or_transform():
    found = []

    def probe(x):
        found.append(fuses(x))
        return x * 1

    torch.jit.trace(probe, torch.zeros(2), check_trace=False)
    torch.func.grad(lambda x: probe(x).sum())(torch.zeros(2))
    assert found == [False, False]


@pytest.mark.parametrize('layout', LAYOUTS)
def test_gradients_of_gradients_and_mapped_over_a_batch(layout):
    block = make_block(torch.float64)
    layout, height, width = LAYOUTS[layout]
    x = torch.randn(2, 6, height, width, dtype=torch.float64)
    leaves = [x.requires_grad_(), *block.parameters()]
    found = second_gradients(lambda x, *_: block(x, layout), leaves)
    with plain_layers():
        expected = second_gradients(lambda x, *_: block(x, layout), leaves)
    for a, b in zip(found, expected):
        assert (a - b).norm() <= 1e-12 * b.norm()
    out = block(x, layout)
    directions = torch.randn(3, *out.shape, dtype=torch.float64)

    def gradients(direction, **options):
        return torch.autograd.grad(
            out, leaves, direction, retain_graph=True, **options)

    expected = [torch.stack(g)
                for g in zip(*(gradients(x) for x in directions))]
    for found in (gradients(directions, is_grads_batched=True),
                  torch.func.vmap(gradients)(directions)):
        torch.testing.assert_close(found, tuple(expected))


def test_only_the_last_bias_is_trained():
    block = make_block().requires_grad_(False)
    bias = block.pointwise_conv2.bias.requires_grad_()
    out = block(torch.randn(2, 6, 4, 4))
    found, = torch.autograd.grad(out.square().sum(), bias, create_graph=True)
    torch.testing.assert_close(found, 2 * out.sum((0, 2, 3)))
    second, = torch.autograd.grad(found.sum(), bias)
    torch.testing.assert_close(second, torch.full_like(bias, 2. * 2 * 4 * 4))


@pytest.mark.parametrize('size', [4, 1])  # the wide way, and the narrow one
def test_frozen_linear_layers(size):
    block = make_block(torch.float64)
    x = torch.randn(2, 6, size, size, dtype=torch.float64, requires_grad=True)
    linears = [f'pointwise_conv{i}.{x}' for i in (1, 2)
               for x in ('weight', 'bias')]
    found = []
    for frozen in ([], linears):
        leaves = [x, *(p.requires_grad_(name not in frozen)
                       for name, p in block.named_parameters()
                       if name not in linears)]
        for name in frozen:
            block.get_parameter(name).requires_grad_(False)
        found.append(torch.autograd.grad(block(x).square().sum(), leaves))
    torch.testing.assert_close(found[1], found[0])


def test_empty_batch():
    block = make_block()
    x = torch.zeros(0, 6, 4, 4, requires_grad=True)
    block(x).sum().backward()
    assert x.grad.shape == x.shape
    assert block.pointwise_conv1.weight.grad.eq(0).all()


@pytest.fixture
def not_interpreted(monkeypatch):
    monkeypatch.delenv('TRITON_INTERPRET', raising=False)


def some_triton(monkeypatch, version):
    """As if this release were there, or none; no kernel of it is reached."""
    triton = None
    if version:
        triton = type(sys)('triton')
        triton.__version__ = version
    monkeypatch.setitem(sys.modules, 'triton', triton)


def test_triton_is_not_asked_for_by_default(monkeypatch):
    some_triton(monkeypatch, None)
    with triton_kernels(False):
        assert not wants_triton(torch.zeros(1))


@pytest.mark.parametrize('given', ['', 'yes', '2'])
def test_refuses_other_values_of_the_variable(given):
    program = ('import torch, mmconvnextv2.models.layers as layers; '
               'layers.ConvNeXtV2Block(2)(torch.zeros(1, 2, 2, 2))')
    done = subprocess.run([sys.executable, '-c', program],
                          env={**os.environ, 'MMCONVNEXTV2_TRITON': given},
                          capture_output=True,
                          text=True)
    assert done.stderr.endswith(
        'ValueError: the variable MMCONVNEXTV2_TRITON must be 1 (Triton '
        f'kernels on GPUs) or 0 (the default), got {given!r}\n')


@pytest.mark.parametrize('version', [None, '2.3.1', '3.2.0', 'unknown'])
def test_asked_for_without_a_recent_triton(monkeypatch, version):
    some_triton(monkeypatch, version)
    with triton_kernels(), pytest.raises(
            ImportError,
            match='^MMCONVNEXTV2_TRITON=1 needs Triton 3.3 or newer, which '
            f'comes with PyTorch 2.7 for GPUs; found {version or "none"} '
            'beside torch .*. Unset MMCONVNEXTV2_TRITON to go on without.$'):
        make_block()(torch.zeros(1, 6, 2, 2))


def test_triton_does_not_run_on_a_cpu(monkeypatch, not_interpreted):
    some_triton(monkeypatch, '10.0.0+git')
    with triton_kernels():
        assert not wants_triton(torch.zeros(1))
        monkeypatch.setenv('TRITON_INTERPRET', '1')
        assert wants_triton(torch.zeros(1))
        assert not wants_triton(torch.zeros(1, device='meta'))


@pytest.mark.parametrize('name', [
    'blocks', pytest.param('kernels', marks=pytest.mark.slow),
    pytest.param('operators', marks=pytest.mark.slow)])
def test_kernels_in_the_interpreter(name):
    """test_triton_NAME.py, in a process that interprets kernels."""
    if importlib.util.find_spec('triton') is None:
        pytest.skip('Triton is not installed')
    result = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider',
         str(HERE / f'test_triton_{name}.py')],
        env={**os.environ, 'TRITON_INTERPRET': '1'},
        cwd=HERE.parents[1], capture_output=True, text=True)
    last = result.stdout.strip().splitlines()[-1]
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'passed' in last and 'skipped' not in last, last
