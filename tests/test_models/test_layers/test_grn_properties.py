"""What GRN's definition implies, for any shape and magnitude."""
import torch
from grn_reference import random_grn
from hypothesis import given
from hypothesis import strategies as st
from strategies import SEEDS, noise

from mmconvnextv2.models.layers.grn import relative_response

_EPS = 1e-6


@st.composite
def maps(draw):
    """Features (N, H, W, C)."""
    shape = [draw(st.integers(1, most)) for most in (3, 7, 7, 9)]
    return noise(*shape, seed=draw(SEEDS))


def _response(x):
    return relative_response(x, (1, 2), -1, _EPS)


@given(x=maps(), exponent=st.floats(-6, 30), sign=st.sampled_from([-1, 1]))
def test_scale_does_not_change_the_response(x, exponent, sign):
    scale = sign * 10.**exponent
    # But for eps, which is next to the mean norm of the channels.
    mean = torch.linalg.vector_norm(x, dim=(1, 2)).mean(-1)
    share = _EPS / (mean * min(1., abs(scale)))
    bound = share[:, None, None, None] * _response(x) + 1e-14
    assert ((_response(scale * x) - _response(x)).abs() <= bound).all()


@given(x=maps(), exponent=st.integers(-3, 3))
def test_output_scales_with_the_input(x, exponent):
    grn = random_grn(x.shape[-1]).double()
    torch.nn.init.zeros_(grn.beta)
    scale = 10.**exponent
    mean = torch.linalg.vector_norm(x, dim=(1, 2)).mean(-1).min()
    torch.testing.assert_close(
        grn(scale * x),
        scale * grn(x),
        rtol=0,
        atol=float(scale * 30 * x.abs().max() * _EPS /
                   (mean * min(1., scale))))


@given(x=maps())
def test_mean_response_is_one(x):
    mean = torch.linalg.vector_norm(x, dim=(1, 2)).mean(-1)
    expected = mean / (mean + _EPS)
    torch.testing.assert_close(_response(x).mean((1, 2, 3)), expected)


@given(x=maps(), data=st.data())
def test_sites_and_channels_in_any_order(x, data):
    n, h, w, channels = x.shape
    grn = random_grn(channels).double()
    sites = torch.tensor(data.draw(st.permutations(range(h * w))))
    order = torch.tensor(data.draw(st.permutations(range(channels))))
    expected = grn(x).flatten(1, 2)[:, sites][..., order]
    with torch.no_grad():
        for p in grn.parameters():
            p.copy_(p[order])
    found = grn(x.flatten(1, 2)[:, sites][..., order])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@given(x=maps(), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_both_data_formats(x, dtype):
    last = random_grn(x.shape[-1]).to(dtype)
    first = random_grn(x.shape[-1], data_format='channels_first').to(dtype)
    first.load_state_dict(last.state_dict())
    x = x.to(dtype)
    for other in (x.permute(0, 3, 1, 2), x.permute(0, 3, 1, 2).contiguous()):
        torch.testing.assert_close(
            first(other).permute(0, 2, 3, 1), last(x))
