"""The kernels as operators of graphs: on a GPU, or in Triton's interpreter."""
import pytest
import torch
from functorch.compile import make_boxed_func
from torch._dynamo.backends.common import aot_autograd

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import (
    DEVICE,
    EPS,
    LAYOUTS,
    block_and_leaves,
    relative,
    step,
)

from mmconvnextv2.models.layers.masked_layout import PackedPatches
from mmconvnextv2.ops import dispatch
from mmconvnextv2.ops.dispatch import triton_kernels
from mmconvnextv2.ops.triton import depthwise_launches, gelu_grn

OPERATORS = torch.ops.mmconvnextv2
FORWARD = {'convolution_and_norm', 'gelu_grn_forward'}
BACKWARD = {'gradient_of_norm', 'gradient_of_input', 'gradient_of_taps',
            'gelu_grn_backward'}


@pytest.fixture(autouse=True)
def _compiles_anew():
    torch._dynamo.reset()
    with triton_kernels():
        yield
    torch._dynamo.reset()


class Graphs:
    """A backend of torch.compile that runs graphs as they are."""

    def __init__(self):
        self.forward = []
        self.backward = []

    def _keep(self, kept):

        def compiler(graph, inputs):
            kept.append({node.target._opname for node in graph.graph.nodes
                         if getattr(node.target, 'namespace', '') ==
                         'mmconvnextv2'})
            return make_boxed_func(graph)

        return compiler

    def __call__(self, graph, inputs):
        return aot_autograd(
            fw_compiler=self._keep(self.forward),
            bw_compiler=self._keep(self.backward))(graph, inputs)


@pytest.mark.parametrize('layout, dtype', [
    *((layout, torch.float64) for layout in LAYOUTS),
    ('packed', torch.bfloat16), ('packed', torch.float16)])
def test_block(layout, dtype, monkeypatch):
    # Both by kernels: those of CPUs round less.
    monkeypatch.setattr(dispatch, 'has_fast_bf16', lambda: False)
    layout, height, width = LAYOUTS[layout]
    is_half = dtype != torch.float64
    block, leaves = block_and_leaves(
        height, width, torch.float32 if is_half else dtype, drop_path_rate=0.2)
    block.eval()
    graphs = Graphs()
    with torch.autocast(DEVICE, dtype if is_half else None, enabled=is_half):
        expected = step(block, leaves, layout)
        block.compile(backend=graphs, fullgraph=True)
        found = step(block, leaves, layout)
    assert graphs.forward == [FORWARD]
    assert graphs.backward == [BACKWARD]
    for a, b in zip(found, expected):
        assert a.dtype == b.dtype
        assert relative(a, b.double()) <= (
            torch.finfo(dtype).eps if is_half else 1e-13)


def test_without_gradients_and_with_the_switch_turned():
    layout, height, width = LAYOUTS['whole']
    block, (x, *_) = block_and_leaves(height, width)
    expected = block(x, layout)
    graphs = Graphs()
    block.compile(backend=graphs, fullgraph=True)
    with torch.inference_mode():
        assert relative(block(x, layout), expected) <= 1e-14
        with triton_kernels(False):
            assert relative(block(x, layout), expected) <= 1e-13
    assert graphs.forward == [FORWARD, set()] and not graphs.backward


def test_refuses_gradients_of_gradients():
    block, (x, *_) = block_and_leaves(4, 4)
    block.compile(backend=Graphs())
    grad, = torch.autograd.grad(block(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match='does not currently support '
                       'double backward'):
        grad.sum().backward()


def test_other_sizes_need_no_other_graph():
    block, _ = block_and_leaves(4, 4)
    graphs = Graphs()
    compiled = torch.compile(
        block, backend=graphs, fullgraph=True, dynamic=True)
    for height, width in ((4, 6), (5, 9), (12, 3)):
        x = torch.randn(2, 3, height, width, dtype=torch.float64,
                        device=DEVICE, requires_grad=True)
        found, expected = compiled(x), block(x)
        assert relative(found, expected) <= 1e-14
        grad = torch.randn_like(x)
        assert relative(*(torch.autograd.grad(y, x, grad)[0]
                          for y in (found, expected))) <= 1e-13
    assert graphs.forward == [FORWARD] and graphs.backward == [BACKWARD]


def test_other_masks_need_no_other_graph():
    block, _ = block_and_leaves(4, 2)
    graphs = Graphs()
    block.compile(backend=graphs, fullgraph=True, dynamic=False)
    for visible in ([0, 3], [1, 2], [2, 3]):
        is_masked = torch.ones(2, 4, dtype=torch.bool)
        is_masked[:, visible] = False
        layout = PackedPatches(is_masked.view(2, 2, 2), [2],
                               torch.device(DEVICE))
        for _ in range(2):
            x = torch.randn(2, 3, 4, 2, dtype=torch.float64, device=DEVICE,
                            requires_grad=True)
            step(block, [x], layout)
    assert len(graphs.forward) == len(graphs.backward) == 1


def test_exported_are_the_layers():
    block, (x, *_) = block_and_leaves(4, 4)
    graph = torch.export.export(
        block.eval(), (x.detach(), ), strict=False).graph
    names = [str(node.target) for node in graph.nodes]
    assert any('conv2d' in name for name in names)
    assert not any('mmconvnextv2' in name for name in names)


def samples():
    """Every operator with what it takes."""
    x, grad = torch.randn(2, 2, 5, 3, 6, device=DEVICE).half()
    taps, gamma = torch.randn(49, 6, device=DEVICE), torch.randn(
        6, device=DEVICE)
    rows = torch.tensor([3, 0, 1], dtype=torch.int32, device=DEVICE)
    index = torch.tensor([1, 2, -1, 0], dtype=torch.int32, device=DEVICE)
    runs = x.flatten(0, 1)[:3].contiguous()
    h, grad_h = x.flatten(1, 2), grad.flatten(1, 2)
    norms = torch.rand(2, 6, device=DEVICE)
    for keep in (True, False):
        yield ('convolution_and_norm', x, taps, gamma, gamma, gamma, EPS, None,
               None, 5, 1, keep)
    yield ('convolution_and_norm', runs, taps, gamma, gamma, gamma, EPS, rows,
           index, 2, 1, True)
    yield 'gradient_of_norm', grad, x, gamma, EPS
    for name, other in (('input', taps), ('taps', x)):
        yield f'gradient_of_{name}', grad, other, None, None, 5, 1
    for name, other in (('input', taps), ('taps', runs)):
        yield f'gradient_of_{name}', runs, other, rows, index, 2, 1
    for visible in (None, torch.ones(2, 15, device=DEVICE).half()):
        yield 'gelu_grn_forward', h, gamma, gamma, EPS, visible
        yield 'gelu_grn_backward', grad_h, h, gamma, norms, EPS, visible


def test_are_what_they_declare():
    seen = set()
    for name, *arguments in samples():
        seen.add(name)
        torch.library.opcheck(
            getattr(OPERATORS, name).default, arguments,
            test_utils=('test_schema', 'test_faketensor'))
    assert seen == FORWARD | BACKWARD


def test_called_by_themselves_they_stay_functions():
    for name, *arguments in samples():
        module = (gelu_grn if 'gelu' in name else depthwise_launches)
        with torch.profiler.profile() as profiled:
            getattr(module, name)(*arguments)
        assert not any(name in event.name for event in profiled.events()
                       if 'mmconvnextv2::' in event.name)
