"""Numbers of the kernels: on a GPU, or in Triton's interpreter."""
from typing import Callable, NamedTuple, Optional

import pytest
import torch
from operators import kept_by, second_gradients
from torch import Tensor
from torch.nn import functional as F

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import DEVICE, EPS, INTERPRETED, STEP, relative, tl, triton

from mmconvnextv2 import GRN
from mmconvnextv2.models.layers.layout import PackedPatches
from mmconvnextv2.ops.triton import depthwise_launches as launches
from mmconvnextv2.ops.triton import depthwise_norm as depthwise_module
from mmconvnextv2.ops.triton import gelu_grn as gelu_module
from mmconvnextv2.ops.triton import gelu_grn_kernels
from mmconvnextv2.ops.triton.depthwise_norm import (
    depthwise_norm,
    depthwise_norm_by_layers,
)
from mmconvnextv2.ops.triton.gelu_grn import gelu_grn, gelu_grn_by_layers


def gelu_and_grn(h, gamma, beta, eps, visible=None):
    """GELU, mask and GRN as the block has them."""
    a = F.gelu(h)
    a = a if visible is None else a * visible
    grn = GRN(len(gamma), eps=eps)
    return torch.func.functional_call(grn, dict(gamma=gamma, beta=beta), a)


def conv_and_norm(x, weight, bias, gamma, beta, eps, runs=None):
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


class Kernel(NamedTuple):
    """A kernel, its plain twin, and the layers that it stands for."""

    name: str
    fused: Callable
    twin: Callable
    layers: Callable
    weights: tuple = ()  # shapes of parameters before gamma and beta
    # Of results and gradients in half precision, in roundings: gelu_grn sums
    # in float32 at least; depthwise_norm keeps what LayerNorm takes, and its
    # gradient, in the map's type.
    bounds: tuple = (1, 1, 1, 1)
    twin_bound: int = 4


GELU = Kernel('gelu_grn', gelu_grn, gelu_grn_by_layers, gelu_and_grn)
CONV = Kernel('depthwise_norm', depthwise_norm, depthwise_norm_by_layers,
              conv_and_norm, ((1, 7, 7), ()), (5, 5, 5, 40, 5, 5), 50)


def inputs(kernel, *shape, dtype=torch.float64):
    """A map and a gradient of it, exact in ``dtype``, and parameters."""
    shapes = [shape, shape, *[shape[-1:] + x for x in kernel.weights],
              shape[-1:], shape[-1:]]
    x, grad, *given = (torch.randn(s, dtype=torch.float64, device=DEVICE)
                       for s in shapes)
    return x.to(dtype).double(), grad.to(dtype).double(), given


def results(function, x, grad, given, extra=None, dtype=torch.float64,
            own=None):
    """The result and all gradients; parameters are of the type ``own``."""
    own = own or torch.promote_types(dtype, torch.float32)
    leaves = [x.to(dtype), *(p.to(own) for p in given)]
    leaves = [leaf.detach().requires_grad_() for leaf in leaves]
    extra = extra.to(dtype) if isinstance(extra, Tensor) else extra
    out = function(*leaves, EPS, extra)
    return [out, *torch.autograd.grad(out, leaves, grad.to(dtype))]


def visible_sites(n=2, sites=5):
    visible = torch.rand(n, sites, 1, device=DEVICE) < 0.6
    visible[0, 0] = True
    return visible.double()


def packed(side, counts_differ=False):
    """Runs of patches of side x side sites: three of six, or one to three."""
    is_masked = torch.tensor([[[True, False, True], [False, False, True]],
                              [[False, True, False], [True, False, True]]])
    if counts_differ:
        is_masked[1, 0] = is_masked[1, 1, 1] = True
        is_masked[1, 0, 2] = False
    layout = PackedPatches(is_masked, [side], torch.device(DEVICE))
    return layout._runs[side]


class Case(NamedTuple):
    """A kernel, the shape of a map, and a mask or the places of runs."""

    kernel: Kernel
    shape: tuple
    extra: Callable[[], Optional[object]] = lambda: None


CASES = dict(
    gelu_grn=Case(GELU, (2, 5, 6)),
    gelu_grn_masked=Case(GELU, (2, 5, 6), visible_sites),
    depthwise_norm=Case(CONV, (1, 4, 5, 6)),
    depthwise_norm_packed=Case(CONV, (12, 2, 6), lambda: packed(2)))
each_case = pytest.mark.parametrize('case', CASES.values(), ids=list(CASES))
whole = pytest.mark.parametrize(
    'case', [CASES['gelu_grn'], CASES['depthwise_norm']],
    ids=['gelu_grn', 'depthwise_norm'])


def assert_equals_float64(case, dtype=torch.float64):
    kernel, extra = case.kernel, case.extra()
    exact = inputs(kernel, *case.shape, dtype=dtype)
    expected = results(kernel.layers, *exact, extra)
    found = results(kernel.fused, *exact, extra, dtype)
    own = torch.promote_types(dtype, torch.float32)
    kinds = (dtype, dtype, *[own] * len(exact[2]))
    for a, b, kind in zip(found, expected, kinds, strict=True):
        assert a.dtype == kind and a.shape == b.shape
        step = STEP[kind] if kernel is GELU else 5 * STEP[dtype]
        assert relative(a, b) <= step


# Strips of seven, eight, four, two and one site, whole and cut off.
@pytest.mark.parametrize('shape, strip', [
    ((2, 5, 6, 12), 7), ((1, 3, 15, 5), 8), ((1, 5, 9, 20), 4),
    ((1, 1, 1, 16), 1), ((1, 5, 2, 10), 2)])
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_depthwise_norm_equals_float64(dtype, shape, strip):
    assert launches._strip(shape[2]) == strip
    assert_equals_float64(Case(CONV, shape), dtype)


@pytest.mark.parametrize('side', [8, 4, 2, 1])
@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16], ids=str)
def test_packed_depthwise_norm_equals_float64(side, dtype):
    assert_equals_float64(
        Case(CONV, (6 * side, side, 12), lambda: packed(side)), dtype)


@pytest.mark.parametrize('case', [
    Case(CONV, (2, 5, 9, 6)), Case(CONV, (12, 2, 6), lambda: packed(2)),
    Case(CONV, (6, 1, 6), lambda: packed(1))])
def test_depthwise_norm_in_small_tiles(monkeypatch, case):
    # So small that each dimension takes several, the last cut off.
    for name, size in dict(_FEW=1, _MANY=1, _WARPS=1, _BLOCK_C=4,
                           _PROGRAMS=8).items():
        monkeypatch.setattr(launches, name, size)
    launches._blocks.cache_clear()
    assert_equals_float64(case)
    launches._blocks.cache_clear()


# Within one tile of the size that is used, and in many small ones.
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('shape, tiles', [
    ((2, 5, 6), ()), ((1, 1, 1), ()), ((2, 21, 7), (8, 4, 4))])
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_gelu_grn_equals_float64(monkeypatch, dtype, shape, tiles, masked):
    for name, size in zip(('_CHUNK', '_BLOCK_S', '_BLOCK_E'), tiles):
        monkeypatch.setattr(gelu_module, name, size)
    extra = (lambda: visible_sites(*shape[:2])) if masked else lambda: None
    assert_equals_float64(Case(GELU, shape, extra), dtype)


@each_case
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_the_twin_is_the_layers(dtype, case):
    kernel, extra = case.kernel, case.extra()
    exact = inputs(kernel, *case.shape, dtype=dtype)
    found = results(kernel.twin, *exact, extra, dtype)
    for a, b in zip(found, results(kernel.layers, *exact, extra)):
        # Weights are rounded, too.
        assert relative(a, b) <= kernel.twin_bound * STEP[dtype]


@each_case
def test_gradients_of_gradients(case):
    x, grad, given = inputs(case.kernel, *case.shape)
    leaves, extra = [leaf.requires_grad_() for leaf in (x, *given)], \
        case.extra()
    found, expected = (
        second_gradients(f, leaves, (EPS, extra), grad)
        for f in (case.kernel.fused, case.kernel.layers))
    for a, b in zip(found, expected):
        assert relative(a, b) <= 1e-12


@whole
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_parameters_in_half_precision(dtype, case):
    kernel = case.kernel
    x, grad, given = inputs(kernel, *case.shape, dtype=dtype)
    given = [p.to(dtype) for p in given]
    found = results(kernel.fused, x, grad, given, None, dtype, own=dtype)
    expected = results(kernel.layers, x, grad, [p.double() for p in given])
    for a, b, bound in zip(found, expected, kernel.bounds, strict=True):
        assert a.dtype == dtype
        assert relative(a, b) <= bound * STEP[dtype]


@each_case
def test_not_contiguous(case):
    x, _, given = inputs(case.kernel, *case.shape)
    strided = x.movedim(-1, 0).contiguous().movedim(0, -1)
    if case.kernel is CONV:
        given[0] = given[0].transpose(2, 3)
        assert not given[0].is_contiguous()
    grad = x[:1, :1].expand(case.shape)
    extra = case.extra()
    if isinstance(extra, Tensor):
        extra = extra.transpose(0, 1).contiguous().transpose(0, 1)
        assert not extra.is_contiguous()
    assert not strided.is_contiguous() and not grad.is_contiguous()
    found = results(case.kernel.fused, strided, grad, given, extra)
    expected = results(case.kernel.layers, strided, grad, given, extra)
    for a, b in zip(found, expected):
        assert relative(a, b) <= 4e-13


@whole
def test_refuses_what_triton_cannot_reach(case):
    x, _, given = inputs(case.kernel, *case.shape)
    with pytest.raises(ValueError, match=f'^{case.kernel.name} needs a map on '
                       f'a GPU, got one on meta; use {case.kernel.name}_by_'):
        case.kernel.fused(x.to('meta'), *given, EPS)


def test_depthwise_norm_refuses_long_runs_and_other_kernels():
    x, _, given = inputs(CONV, 54, 9, 3)
    with pytest.raises(ValueError, match='^depthwise_norm takes runs of 8 '
                       'sites at most, got 9$'):
        depthwise_norm(x, *given, EPS, packed(9))
    with pytest.raises(
            ValueError, match=r'^depthwise_norm needs a 7x7 kernel, got '
            r'weights of shape \(3, 1, 5, 5\)$'):
        depthwise_norm(x, x.new_zeros(3, 1, 5, 5), *given[1:], EPS)


@pytest.mark.parametrize('kernel, shape, expected', [
    # The map, its norms, gamma, and beta for gradients of gradients.
    (GELU, (2, 5, 6), [(2, 5, 6), (2, 6), (6, ), (6, )]),
    # The map, the convolution, and all parameters.
    (CONV, (2, 3, 5, 4), [(2, 3, 5, 4)] * 2 + [(4, )] * 3 +
     [(4, 1, 7, 7), (49, 4)])], ids=['gelu_grn', 'depthwise_norm'])
def test_keeps_no_more_maps(kernel, shape, expected):
    x, _, given = inputs(kernel, *shape)
    leaves = [leaf.requires_grad_() for leaf in (x, *given)]
    assert kept_by(kernel.fused, *leaves, EPS) == expected


def test_a_neighbour_in_another_image_or_nowhere_counts_as_zero():
    # The lower right site of the first image, and the first of the second.
    x, _, (weight, *rest) = inputs(CONV, 2, 3, 3, 4)
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
    x, _, given = inputs(CONV, len(runs.rows), 2, 5)
    hidden = torch.zeros(len(x), dtype=torch.bool)
    hidden[-4:] = True  # the last two patches of the second image
    x[hidden] = 0  # as the layout does
    found = depthwise_norm(x, *given, EPS, runs)
    expected = conv_and_norm(x, *given, EPS, runs)
    assert relative(found[~hidden], expected[~hidden]) <= 1e-14


@pytest.mark.parametrize('wanted', range(5))
def test_one_gradient_alone(wanted):
    x, grad, given = inputs(CONV, 1, 3, 4, 6)
    expected = results(conv_and_norm, x, grad, given)[1 + wanted]
    leaves = [x, *given]
    leaves[wanted].requires_grad_()
    found, = torch.autograd.grad(depthwise_norm(*leaves, EPS),
                                 leaves[wanted], grad)
    assert relative(found, expected) <= 4e-13


@pytest.mark.parametrize('needs', [False, True])
def test_writes_the_convolution_for_a_backward_pass_only(monkeypatch, needs):
    written = []
    forward = depthwise_module.convolution_and_norm
    monkeypatch.setattr(
        depthwise_module, 'convolution_and_norm',
        lambda *args: written.append(args[-1]) or forward(*args))
    x, _, given = inputs(CONV, 1, 2, 3, 4)
    given[0].requires_grad_()
    with torch.set_grad_enabled(needs):
        depthwise_norm(x, *given, EPS)
    assert written == [needs]


@triton.jit
def _store_normal(x, out, SIZE: tl.constexpr):  # noqa: N803
    at = tl.arange(0, SIZE)
    tl.store(out + at, gelu_grn_kernels._normal(tl.load(x + at), True))


def test_the_polynomial_of_the_normal_distribution():
    x = torch.linspace(-12, 12, 4096, device=DEVICE)
    found = torch.empty_like(x)
    _store_normal[(1, )](x, found, 4096)
    exact = torch.special.ndtr(x.double())
    error = (found - exact).abs()
    assert error.max() <= 2e-7
    # The lower tail, where 1 - F would have nothing left.
    assert (error / exact)[x.abs() <= 6].max() <= 1e-4


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
def test_gelu_and_its_slope_at_numbers_of_half_precision(dtype):
    step = 37 if INTERPRETED else 1
    x = torch.arange(-2**15, 2**15, step).short().view(dtype).to(DEVICE)
    x = x[x.isfinite() & (x.abs() < 100)]
    leaf, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    none = torch.zeros(1, device=DEVICE)  # of GRN
    out = gelu_grn(leaf[None, :, None], none, none, EPS).flatten()
    expected = F.gelu(exact)
    slope, = torch.autograd.grad(out.sum(), leaf)
    expected_slope, = torch.autograd.grad(expected.sum(), exact)
    for a, b in ((out, expected), (slope, expected_slope)):
        # The polynomial's error, and that of rounding.
        error = (a.double() - b).abs()
        assert (error <= 1e-6 + STEP[dtype] * b.abs()).all()


@pytest.mark.filterwarnings('ignore:overflow encountered:RuntimeWarning')
@pytest.mark.parametrize('factor', [0., 1e30])
def test_zero_and_huge_maps(factor):
    # Norms are zero, or their squares overflow: see layers/grn.py.
    h, grad, given = inputs(GELU, 2, 7, 3)
    arguments = h.abs() * factor, grad * 1e-6, given, None, torch.float32
    for a, b in zip(results(gelu_grn, *arguments),
                    results(gelu_and_grn, *arguments)):
        assert a.isfinite().all()
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_one_dead_channel_and_one_invisible_image():
    h, grad, given = inputs(GELU, 2, 5, 3)
    h[..., 1] = 0
    visible = visible_sites()
    visible[1] = 0
    found = results(gelu_grn, h, grad, given, visible)
    for a, b in zip(found, results(gelu_and_grn, h, grad, given, visible)):
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-15)
    assert found[1][1].eq(0).all()
