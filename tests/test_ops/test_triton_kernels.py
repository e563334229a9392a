"""Numbers of the kernels: on a GPU, or in Triton's interpreter."""
from typing import Callable, NamedTuple, Optional

import pytest
import torch
from operators import kept_by, second_gradients
from torch import Tensor
from torch.nn import functional as F

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import DEVICE, EPS, INTERPRETED, STEP, relative

from mmconvnextv2 import GRN
from mmconvnextv2.models.layers.masked_layout import PackedPatches
from mmconvnextv2.ops.triton import depthwise_launches as launches
from mmconvnextv2.ops.triton import gelu_grn as gelu_module
from mmconvnextv2.ops.triton.depthwise_norm import depthwise_norm
from mmconvnextv2.ops.triton.gelu_grn import gelu_grn


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
    """A kernel, and the layers that it stands for."""

    name: str
    fused: Callable
    layers: Callable
    weights: tuple = ()  # shapes of parameters before gamma and beta
    # Of results and gradients where parameters are in half precision, in
    # roundings of the map, whose type what LayerNorm takes is kept in.
    bounds: tuple = (1, ) * 4


GELU = Kernel('gelu_grn', gelu_grn, gelu_and_grn)
CONV = Kernel('depthwise_norm', depthwise_norm, conv_and_norm,
              ((1, 7, 7), ()), (5, 5, 5, 40, 5, 5))


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


def assert_equals_float64(case, dtype=torch.float64, own=None):
    """Compare with the layers; parameters are of the type ``own``."""
    kernel, extra = case.kernel, case.extra()
    own = own or torch.promote_types(dtype, torch.float32)
    x, grad, given = inputs(kernel, *case.shape, dtype=dtype)
    exact = [p.to(own).double() for p in given]
    expected = results(kernel.layers, x, grad, exact, extra)
    found = results(kernel.fused, x, grad, given, extra, dtype, own)
    kinds = (dtype, dtype, *[own] * len(given))
    bounds = kernel.bounds if own == dtype else (5, ) * 6
    for a, b, kind, bound in zip(found, expected, kinds, bounds):
        assert a.dtype == kind and a.shape == b.shape
        step = STEP[kind] if kernel is GELU else bound * STEP[dtype]
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
def test_gradients_of_gradients(case):
    x, grad, given = inputs(case.kernel, *case.shape)
    leaves, extra = [leaf.requires_grad_() for leaf in (x, *given)], \
        case.extra()
    found, expected = (
        second_gradients(f, leaves, (EPS, extra), grad)
        for f in (case.kernel.fused, case.kernel.layers))
    for a, b in zip(found, expected):
        assert relative(a, b) <= 1e-12


@each_case
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_parameters_in_half_precision(dtype, case):
    assert_equals_float64(case, dtype, dtype)


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
    forward = launches.convolution_and_norm
    monkeypatch.setattr(
        launches, 'convolution_and_norm',
        lambda *args: written.append(args[-1]) or forward(*args))
    x, _, given = inputs(CONV, 1, 2, 3, 4)
    given[0].requires_grad_()
    with torch.set_grad_enabled(needs):
        depthwise_norm(x, *given, EPS)
    assert written == [needs]


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
    # The polynomial's error, and that of rounding. In the tail of GELU there
    # is but its relative one, and numbers that float16 does not have.
    for a, b, floor in ((out, expected, 6e-8),
                        (slope, expected_slope, 1e-6)):
        error = (a.double() - b).abs()[x.abs() <= 6]
        assert (error <= floor + STEP[dtype] * b[x.abs() <= 6].abs()).all()
        assert ((a.double() - b).abs() <= 1e-6 + STEP[dtype] * b.abs()).all()


def test_refusals():
    message = '^{0} needs a map on a GPU, got one on meta; use {0}_by_layers'
    for kernel in (GELU, CONV):
        x, _, given = inputs(kernel, 1, 2, 3)
        with pytest.raises(ValueError, match=message.format(kernel.name)):
            kernel.fused(x.to('meta'), *given, EPS)
    x, _, given = inputs(CONV, 54, 9, 3)
    with pytest.raises(ValueError, match='^depthwise_norm takes runs of 8 '
                       'sites at most, got 9$'):
        depthwise_norm(x, *given, EPS, packed(9))
    with pytest.raises(ValueError, match=r'^depthwise_norm needs a 7x7 '
                       r'kernel, got weights of shape \(3, 1, 5, 5\)$'):
        depthwise_norm(x, x.new_zeros(3, 1, 5, 5), *given[1:], EPS)


@pytest.mark.filterwarnings('ignore:overflow encountered:RuntimeWarning')
@pytest.mark.parametrize('factor', [0., 1., 1e30])
def test_zero_and_huge_maps_a_dead_channel_and_an_invisible_image(factor):
    # Norms are zero, or their squares overflow: see layers/grn.py.
    h, grad, given = inputs(GELU, 2, 5, 3)
    h[..., 1] = 0
    visible = visible_sites()
    visible[1] = 0
    arguments = h.abs() * factor, grad * 1e-6, given, visible, torch.float32
    found = results(gelu_grn, *arguments)
    for a, b in zip(found, results(gelu_and_grn, *arguments)):
        assert a.isfinite().all()
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
    assert found[1][1].eq(0).all()
