import pytest
import torch
from torch.func import functional_call
from torch.nn import functional as F

from mmconvnextv2 import GRN
from mmconvnextv2.ops import grn_mlp as module
from mmconvnextv2.ops.grn_mlp import grn_mlp

EPS = 1e-6


def inputs(n=3, sites=5, channels=4, dtype=torch.float64):
    torch.manual_seed(0)
    hidden = 4 * channels
    shapes = [(n, sites, channels), (hidden, channels), (hidden, ),
              (hidden, ), (hidden, ), (channels, hidden), (channels, )]
    return [torch.randn(s, dtype=dtype).requires_grad_() for s in shapes]


def layer_by_layer(x, weight1, bias1, gamma, beta, weight2, bias2,
                   visible=None):
    a = F.gelu(F.linear(x, weight1, bias1))
    if visible is not None:
        a = a * visible
    a = functional_call(GRN(len(gamma)), dict(gamma=gamma, beta=beta), a)
    return F.linear(a, weight2, bias2)


def masks(n=3, sites=5):
    torch.manual_seed(1)
    visible = (torch.rand(n, sites, 1) < 0.6).double()
    visible[0], visible[1, 1:] = 1, 0
    return visible


def relative(a, b):
    return ((a - b).norm() / b.norm()).item()


@pytest.fixture(params=[5, 12], ids=['few sites', 'many sites'])
def sites(request):
    """Fewer and more than half of the 16 expanded channels."""
    return request.param


@pytest.fixture(params=[1, 2 * 5 * 16, 2**20], ids=['one', 'two', 'all'])
def group_numel(request, monkeypatch):
    """One, two or all images at a time."""
    monkeypatch.setattr(module, '_GROUP_NUMEL', request.param)


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('dtype, bound', [(torch.float32, 2e-6),
                                          (torch.float64, 1e-14)])
def test_equals_the_layers(group_numel, sites, masked, dtype, bound):
    arguments = inputs(sites=sites)
    visible = masks(sites=sites) if masked else None
    typed = [x.detach().to(dtype).requires_grad_() for x in arguments]
    seen = None if visible is None else visible.to(dtype)
    found = grn_mlp(*typed, EPS, seen)
    expected = layer_by_layer(*arguments, visible)
    assert relative(found, expected) < bound
    grad = torch.randn_like(expected)
    for a, b in zip(
            torch.autograd.grad(found, typed, grad.to(dtype)),
            torch.autograd.grad(expected, arguments, grad)):
        assert a.dtype == dtype
        assert relative(a, b) < bound


@pytest.mark.parametrize('sites', [3, 5])
def test_gradients(group_numel, sites):

    def function(*arguments):
        return grn_mlp(*arguments, EPS, masks(2, sites))

    assert torch.autograd.gradcheck(function, inputs(2, sites, 2))


@pytest.mark.parametrize('visible', [None, masks(2, 2)])
def test_gradients_of_gradients(visible):
    assert torch.autograd.gradgradcheck(
        lambda *a: grn_mlp(*a, EPS, visible), inputs(2, 2, 1))


def test_without_gradients_nothing_is_kept(sites):
    arguments = inputs(sites=sites)
    with torch.no_grad():
        found = grn_mlp(*arguments, EPS)
    assert not found.requires_grad
    torch.testing.assert_close(found, grn_mlp(*arguments, EPS).detach())


def test_keeps_one_expanded_map():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
            lambda x: kept.append(tuple(x.shape)) or x, lambda x: x):
        grn_mlp(*inputs(), EPS)
    # Input, expanded map, norms, and parameters.
    assert sorted(kept) == sorted([(3, 5, 4), (3, 5, 16), (3, 16), (16, 4),
                                   (16, ), (16, ), (16, ), (4, 16)])


def test_images_do_not_meet(sites):
    arguments = inputs(sites=sites, dtype=torch.float32)
    whole = grn_mlp(*arguments, EPS)
    for i, image in enumerate(arguments[0]):
        alone = grn_mlp(image[None], *arguments[1:], EPS)
        torch.testing.assert_close(whole[i:i + 1], alone)


@pytest.mark.parametrize('factor', [0., 1e25])
def test_zero_and_huge_inputs(factor, sites):
    arguments = inputs(sites=sites, dtype=torch.float32)
    # No bias, so that the norms are zero, or their squares overflow.
    arguments[2] = torch.zeros_like(arguments[2], requires_grad=True)
    x = (arguments[0].detach() * factor).requires_grad_()
    out = grn_mlp(x, *arguments[1:], EPS)
    expected = layer_by_layer(x, *arguments[1:])
    assert out.isfinite().all()
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=0)
    grad = torch.full_like(out, 1e-6)
    for a, b in zip(
            torch.autograd.grad(out, [x, *arguments[1:]], grad),
            torch.autograd.grad(expected, [x, *arguments[1:]], grad)):
        assert a.isfinite().all()
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
