"""Numbers of the kernels: on a GPU, or in Triton's interpreter."""
import pytest
import torch
from torch.nn import functional as F

# Before what imports Triton: it skips all of this where there is none.
from triton_cases import DEVICE, EPS, INTERPRETED, STEP, relative, tl, triton

from mmconvnextv2 import GRN
from mmconvnextv2.ops.triton import gelu_grn as module
from mmconvnextv2.ops.triton import gelu_grn_kernels
from mmconvnextv2.ops.triton.gelu_grn import gelu_grn, gelu_grn_by_layers


def inputs(n=2, sites=5, channels=6, dtype=torch.float64):
    """h, gamma, beta, and a gradient of the result; float64 in any case."""
    shapes = (n, sites, channels), (channels, ), (channels, )
    h, gamma, beta, grad = (
        torch.randn(s, dtype=torch.float64, device=DEVICE)
        for s in (*shapes, shapes[0]))
    # Of what is rounded to this type, the exact results are wanted.
    return h.to(dtype).double(), gamma, beta, grad.to(dtype).double()


def visible_sites(n=2, sites=5):
    visible = torch.rand(n, sites, 1, device=DEVICE) < 0.6
    visible[0, 0] = True
    return visible.double()


def results(function, h, gamma, beta, grad, visible=None, dtype=None):
    """The result and the three gradients, with ``h`` of another type."""
    dtype = dtype or h.dtype
    own = torch.promote_types(dtype, torch.float32)
    leaves = [h.to(dtype), gamma.to(own), beta.to(own)]
    leaves = [x.detach().requires_grad_() for x in leaves]
    seen = None if visible is None else visible.to(dtype)
    out = function(*leaves, EPS, seen)
    return [out, *torch.autograd.grad(out, leaves, grad.to(dtype))]


def layers(h, gamma, beta, eps, visible=None):
    """GELU, mask and GRN as the block has them."""
    a = F.gelu(h)
    a = a if visible is None else a * visible
    grn = GRN(len(gamma), eps=eps)
    return torch.func.functional_call(grn, dict(gamma=gamma, beta=beta), a)


# Within one tile of the size that is used, and in many small ones.
SIZES = [((2, 5, 6), None), ((1, 1, 1), None), ((2, 21, 7), (8, 4, 4))]


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('shape, tiles', SIZES)
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_equals_float64(monkeypatch, dtype, shape, tiles, masked):
    for name, size in zip(('_CHUNK', '_BLOCK_S', '_BLOCK_E'), tiles or ()):
        monkeypatch.setattr(module, name, size)
    exact = inputs(*shape, dtype)
    visible = visible_sites(*shape[:2]) if masked else None
    expected = results(layers, *exact, visible)
    found = results(gelu_grn, *exact, visible, dtype)
    own = torch.promote_types(dtype, torch.float32)
    for a, b, kind in zip(found, expected, (dtype, dtype, own, own)):
        assert a.dtype == kind
        # Sums are in float32 at least, so parameters' gradients are exact
        # whatever the type of the map.
        assert relative(a, b) <= STEP[kind]


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('dtype', STEP, ids=str)
def test_the_twin_is_the_layers(dtype, masked):
    visible = visible_sites() if masked else None
    exact = inputs(dtype=dtype)
    found = results(gelu_grn_by_layers, *exact, visible, dtype)
    expected = results(layers, *exact, visible, dtype)
    for a, b in zip(found, expected):
        assert a.dtype == b.dtype
        assert relative(a, b.double()) <= 2 * STEP[a.dtype]


@pytest.mark.parametrize('masked', [False, True])
def test_gradients_of_gradients(masked):
    h, gamma, beta, _ = (x.requires_grad_() for x in inputs())
    visible = visible_sites() if masked else None

    def second_gradients(function):
        out = function(h, gamma, beta, EPS, visible)
        first = torch.autograd.grad(
            out.square().sum(), (h, gamma, beta), create_graph=True)
        size = sum(g.square().sum() for g in first)
        return torch.autograd.grad(size, (h, gamma, beta))

    for a, b in zip(second_gradients(gelu_grn), second_gradients(layers)):
        assert relative(a, b) <= 1e-13


def test_not_contiguous():
    h, gamma, beta, _ = inputs()
    strided = torch.randn(6, 5, 4, dtype=h.dtype, device=DEVICE)
    strided = strided[..., ::2].permute(2, 1, 0)
    grad = torch.ones((), dtype=h.dtype, device=DEVICE).expand(h.shape)
    visible = h.new_tensor([[1, 0], [1, 1], [1, 1], [0, 1], [0, 1]])
    visible = visible.T[..., None]
    assert not strided.is_contiguous() and not visible.is_contiguous()
    arguments = strided, gamma, beta, grad, visible
    found = results(gelu_grn, *arguments)
    for a, b in zip(found, results(layers, *arguments)):
        assert relative(a, b) <= 1e-14


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_parameters_in_half_precision(dtype):
    h, gamma, beta, grad = (x.to(dtype) for x in inputs(dtype=dtype))
    leaves = [x.requires_grad_() for x in (h, gamma, beta)]
    exact = [x.detach().double().requires_grad_() for x in leaves]
    out, expected = gelu_grn(*leaves, EPS), layers(*exact, EPS)
    found = [out, *torch.autograd.grad(out, leaves, grad)]
    for a, b in zip(found, (expected, *torch.autograd.grad(
            expected, exact, grad.double()))):
        assert a.dtype == dtype
        assert relative(a, b) <= STEP[dtype]


@pytest.mark.filterwarnings('ignore:overflow encountered:RuntimeWarning')
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


@pytest.mark.parametrize('factor', [0., 1e30])
def test_zero_and_huge_maps(factor):
    # Norms are zero, or their squares overflow: see layers/grn.py.
    h, gamma, beta, grad = inputs(2, 7, 3)
    arguments = h.abs() * factor, gamma, beta, grad * 1e-6
    found = results(gelu_grn, *arguments, dtype=torch.float32)
    expected = results(layers, *arguments, dtype=torch.float32)
    for a, b in zip(found, expected):
        assert a.isfinite().all()
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_one_dead_channel_and_one_invisible_image():
    h, gamma, beta, grad = inputs(2, 5, 3)
    h[..., 1] = 0
    visible = visible_sites()
    visible[1] = 0
    found = results(gelu_grn, h, gamma, beta, grad, visible)
    for a, b in zip(found, results(layers, h, gamma, beta, grad, visible)):
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-15)
    assert found[1][1].eq(0).all()


def test_keeps_one_map():
    kept = []
    h, gamma, beta, _ = (x.requires_grad_() for x in inputs())
    with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(tuple(x.shape)) or x, lambda x: x):
        gelu_grn(h, gamma, beta, EPS)
    # The map, its norms, gamma, and beta for gradients of gradients.
    assert sorted(kept) == [(2, 5, 6), (2, 6), (6, ), (6, )]


def test_refuses_what_triton_cannot_reach():
    with pytest.raises(ValueError, match='a map on a GPU, got one on meta'):
        gelu_grn(*(x.to('meta') for x in inputs()[:3]), EPS)
