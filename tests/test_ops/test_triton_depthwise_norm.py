"""Numbers of the kernels: on a GPU, or in Triton's interpreter."""
import pytest
import torch
from torch.nn import functional as F

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import DEVICE, EPS, STEP, relative

from mmconvnextv2.models.layers.layout import PackedPatches
from mmconvnextv2.ops.triton import depthwise_launches as launches
from mmconvnextv2.ops.triton import depthwise_norm as module
from mmconvnextv2.ops.triton.depthwise_norm import (
    depthwise_norm,
    depthwise_norm_by_layers,
)


def parameters(channels):
    """Weight, bias, gamma and beta in float64."""
    return [torch.randn(shape, dtype=torch.float64, device=DEVICE)
            for shape in ((channels, 1, 7, 7), *[(channels, )] * 3)]


def inputs(*shape, dtype=torch.float64):
    """A map and a gradient of it, exact in ``dtype``, and parameters."""
    x, grad = (torch.randn(shape, dtype=torch.float64, device=DEVICE)
               .to(dtype).double() for _ in 'ab')
    return x, grad, parameters(shape[-1])


def results(function, x, grad, given, runs=None, dtype=torch.float64):
    """The result and the five gradients, with a map of another type."""
    own = torch.promote_types(dtype, torch.float32)
    leaves = [x.to(dtype), *(p.to(own) for p in given)]
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    out = function(*leaves, EPS, runs)
    return [out, *torch.autograd.grad(out, leaves, grad.to(dtype))]


def layers(x, weight, bias, gamma, beta, eps, runs=None):
    """The layers as the block has them, on the grid that the runs lie in."""
    sites = x
    if runs is not None:
        n, height, width = runs.shape
        sites = x.new_zeros(n * height * width // runs.side, *x.shape[1:])
        sites = sites.index_copy(0, runs.rows, x)
        sites = sites.view(n, height, width, -1)
    y = F.conv2d(sites.permute(0, 3, 1, 2), weight, bias, padding=3,
                 groups=len(weight)).permute(0, 2, 3, 1)
    if runs is not None:
        y = y.reshape(-1, *x.shape[1:]).index_select(0, runs.rows)
    return F.layer_norm(y, gamma.shape, gamma, beta, eps)


def packed(side, counts_differ=False):
    """Runs of patches of side x side sites: three of six, or one to three."""
    is_masked = torch.tensor([[[True, False, True], [False, False, True]],
                              [[False, True, False], [True, False, True]]])
    if counts_differ:
        is_masked[1, 0] = is_masked[1, 1, 1] = True
        is_masked[1, 0, 2] = False
    layout = PackedPatches(is_masked, [side], torch.device(DEVICE))
    return layout._runs[side]


# Strips of seven, eight, four, two and one site, whole and cut off.
@pytest.mark.parametrize('shape, strip', [
    ((2, 5, 6, 12), 7), ((1, 3, 15, 5), 8), ((1, 5, 9, 20), 4),
    ((1, 1, 1, 16), 1), ((1, 5, 2, 10), 2)])
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_equals_float64(dtype, shape, strip):
    assert launches._strip(shape[2]) == strip
    exact = inputs(*shape, dtype=dtype)
    expected = results(layers, *exact)
    found = results(depthwise_norm, *exact, dtype=dtype)
    assert_close(found, expected, dtype)


@pytest.fixture
def small_tiles(monkeypatch):
    """So small that each dimension takes several, the last cut off."""
    for name, size in dict(_FEW=1, _MANY=1, _WARPS=1, _BLOCK_C=4,
                           _PROGRAMS=8).items():
        monkeypatch.setattr(launches, name, size)
    launches._blocks.cache_clear()
    yield
    launches._blocks.cache_clear()


def test_small_tiles(small_tiles):
    exact = inputs(2, 5, 9, 6)
    assert_close(results(depthwise_norm, *exact), results(layers, *exact),
                 torch.float64)


def assert_close(found, expected, dtype):
    """Of the result, and of the gradients of map and parameters."""
    own = torch.promote_types(dtype, torch.float32)
    for a, b, kind in zip(found, expected, (dtype, dtype, *[own] * 4)):
        assert a.dtype == kind and a.shape == b.shape
        # What LayerNorm takes, and its gradient, are kept in the map's type,
        # so parameters' gradients are as exact as that.
        assert relative(a, b) <= 5 * STEP[dtype]


@pytest.mark.parametrize('side', [8, 4, 2, 1])
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16], ids=str)
def test_packed_equals_float64(side, dtype):
    exact = inputs(6 * side, side, 12, dtype=dtype)
    runs = packed(side)
    expected = results(layers, *exact, runs)
    found = results(depthwise_norm, *exact, runs, dtype)
    assert_close(found, expected, dtype)


@pytest.mark.parametrize('side', [2, 1])
def test_packed_in_small_tiles(small_tiles, side):
    exact = inputs(6 * side, side, 6)
    runs = packed(side)
    assert_close(results(depthwise_norm, *exact, runs),
                 results(layers, *exact, runs), torch.float64)


def test_a_neighbour_in_another_image_or_nowhere_counts_as_zero():
    # The lower right site of the first image, and the first of the second.
    x, grad, (weight, *rest) = inputs(2, 3, 3, 4)
    weight.fill_(1)
    rest[0].zero_()
    x.zero_()
    x[1, 0, 0] = torch.arange(4, dtype=x.dtype)
    out = depthwise_norm(x, weight, *rest, EPS)
    # What LayerNorm makes of zeros.
    assert torch.equal(out[0], rest[2].expand(3, 3, 4))
    assert not torch.isclose(out[1], rest[2].expand(3, 3, 4)).any()


def test_filled_up_patches_reach_nobody():
    runs = packed(2, counts_differ=True)
    x, grad, given = inputs(len(runs.rows), 2, 5)
    hidden = torch.zeros(len(x), dtype=torch.bool)
    hidden[-4:] = True  # the last two patches of the second image
    x[hidden] = 0  # as the layout does
    found = depthwise_norm(x, *given, EPS, runs)
    expected = layers(x, *given, EPS, runs)
    assert relative(found[~hidden], expected[~hidden]) <= 1e-14


@pytest.mark.parametrize('runs', [None, packed(2)], ids=['whole', 'packed'])
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_the_twin_is_the_layers(dtype, runs):
    shape = (2, 4, 5, 6) if runs is None else (len(runs.rows), 2, 6)
    exact = inputs(*shape, dtype=dtype)
    found = results(depthwise_norm_by_layers, *exact, runs, dtype)
    expected = results(layers, *exact, runs)
    for a, b in zip(found, expected):
        # Weights are rounded, too.
        assert relative(a, b) <= 50 * STEP[dtype]


@pytest.mark.parametrize('runs', [None, packed(2)], ids=['whole', 'packed'])
def test_gradients_of_gradients(runs):
    shape = (1, 4, 5, 6) if runs is None else (len(runs.rows), 2, 6)
    x, grad, given = inputs(*shape)
    leaves = [leaf.requires_grad_() for leaf in (x, *given)]

    def second_gradients(function):
        out = function(*leaves, EPS, runs)
        first = torch.autograd.grad(
            out.square().mul(grad).sum(), leaves, create_graph=True)
        size = sum(g.square().sum() for g in first)
        return torch.autograd.grad(size, leaves)

    for a, b in zip(second_gradients(depthwise_norm),
                    second_gradients(layers)):
        assert relative(a, b) <= 1e-12


def test_not_contiguous():
    x, grad, given = inputs(2, 4, 6, 5)
    strided = x.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    given[0] = given[0].transpose(2, 3)
    grad = grad[:1, :1].expand(2, 4, 6, 5)
    assert not any(a.is_contiguous() for a in (strided, given[0], grad))
    found = results(depthwise_norm, strided, grad, given)
    for a, b in zip(found, results(layers, strided, grad, given)):
        assert relative(a, b) <= 4e-13


@pytest.mark.parametrize('wanted', range(5))
def test_one_gradient_alone(wanted):
    x, grad, given = inputs(1, 3, 4, 6)
    expected = results(layers, x, grad, given)[1 + wanted]
    leaves = [x, *given]
    leaves[wanted].requires_grad_()
    found, = torch.autograd.grad(depthwise_norm(*leaves, EPS),
                                 leaves[wanted], grad)
    assert relative(found, expected) <= 4e-13


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_parameters_in_half_precision(dtype):
    x, grad, given = inputs(1, 4, 5, 6, dtype=dtype)
    given = [p.to(dtype) for p in given]
    expected = results(layers, x, grad, [p.double() for p in given])
    leaves = [leaf.requires_grad_() for leaf in (x.to(dtype), *given)]
    out = depthwise_norm(*leaves, EPS)
    found = [out, *torch.autograd.grad(out, leaves, grad.to(dtype))]
    for i, (a, b) in enumerate(zip(found, expected)):
        assert a.dtype == dtype
        assert relative(a, b) <= (40 if i == 3 else 4) * STEP[dtype]


def test_keeps_two_maps():
    kept = []
    x, _, given = inputs(2, 3, 5, 4)
    leaves = [leaf.requires_grad_() for leaf in (x, *given)]
    with torch.autograd.graph.saved_tensors_hooks(
            lambda t: kept.append(tuple(t.shape)) or t, lambda t: t):
        depthwise_norm(*leaves, EPS)
    maps = [(2, 3, 5, 4)] * 2
    parameters = [(4, )] * 3 + [(4, 1, 7, 7), (49, 4)]
    assert sorted(kept) == maps + parameters


@pytest.mark.parametrize('needs', [False, True])
def test_writes_the_convolution_for_a_backward_pass_only(monkeypatch, needs):
    written = []
    forward = module.convolution_and_norm
    monkeypatch.setattr(
        module, 'convolution_and_norm',
        lambda *args: written.append(args[-1]) or forward(*args))
    x, _, given = inputs(1, 2, 3, 4)
    given[0].requires_grad_()
    with torch.set_grad_enabled(needs):
        depthwise_norm(x, *given, EPS)
    assert written == [needs]


def test_refuses_what_triton_cannot_reach():
    x, _, given = inputs(1, 2, 2, 3)
    with pytest.raises(ValueError, match='a map on a GPU, got one on meta'):
        depthwise_norm(x.to('meta'), *given, EPS)


def test_refuses_long_runs():
    x, _, given = inputs(54, 9, 3)
    with pytest.raises(ValueError, match='^depthwise_norm takes runs of 8 '
                       'sites at most, got 9$'):
        depthwise_norm(x, *given, EPS, packed(9))


def test_refuses_other_kernels():
    x, _, (_, *rest) = inputs(1, 2, 2, 3)
    with pytest.raises(
            ValueError, match=r'^depthwise_norm needs a 7x7 kernel, got '
            r'weights of shape \(3, 1, 5, 5\)$'):
        depthwise_norm(x, x.new_zeros(3, 1, 5, 5), *rest, EPS)
