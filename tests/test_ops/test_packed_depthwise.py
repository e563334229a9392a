import torch
from hypothesis import given
from hypothesis import strategies as st
from operators import KERNELS, assert_close, by_layers, kept_by, with_grads
from strategies import SEEDS, masks, noise

from mmconvnextv2.ops.packed_depthwise import RunsOfGrid, packed_depthwise


@st.composite
def packed(draw):
    """Runs (R, p, C), weight, and bias or none, and where the runs lie."""
    is_masked, side = draw(masks()), draw(st.integers(1, 3))
    channels, size = draw(st.integers(1, 9)), draw(KERNELS)
    rows = (~is_masked.repeat_interleave(side, 1)).flatten().nonzero()[:, 0]
    # In any order.
    rows = rows[noise(len(rows), seed=draw(SEEDS)).argsort()]
    n, h, w = is_masked.shape
    leaves = [noise(len(rows), side, channels, seed=1),
              noise(channels, 1, size, size, seed=2)]
    if draw(st.booleans()):
        leaves.append(noise(channels, seed=3))
    leaves = [x.requires_grad_() for x in leaves]
    return leaves, rows, (n, h * side, w * side), side


def convolved(x, weight, bias=None, runs=None):
    return packed_depthwise(x, weight, bias, runs)


def on_the_grid(rows, shape, side, x, weight, bias=None):
    n, height, width = shape
    grid = x.new_zeros(n * height * width // side, side, x.shape[-1])
    grid = grid.index_put((rows, ), x).view(n, height, width, -1)
    out = by_layers(grid.permute(0, 3, 1, 2), weight, bias)
    return out.permute(0, 2, 3, 1).reshape(-1, side, x.shape[-1])[rows]


@given(case=packed())
def test_equals_convolution_of_the_grid(case):
    leaves, *where = case
    runs = RunsOfGrid(*where)
    expected = with_grads(lambda *x: on_the_grid(*where, *x), leaves)
    # Twice with the same grids, which the first one leaves behind.
    for _ in range(2):
        assert_close(
            with_grads(lambda *x: convolved(*x, runs=runs), leaves), expected)


def runs():
    # Five runs of two sites in two grids of 3 x 4.
    return RunsOfGrid(torch.tensor([0, 3, 4, 11, 7]), (2, 3, 4), side=2)


def inputs(dtype=torch.float64):
    shapes = (5, 2, 3), (3, 1, 7, 7), (3, )
    return [torch.randn(s, dtype=dtype, requires_grad=True) for s in shapes]


def test_keeps_the_runs_only():
    assert kept_by(packed_depthwise, *inputs(), runs()) == [(3, 1, 7, 7),
                                                            (5, 2, 3)]


def test_only_what_is_asked_for():
    x, weight, bias = inputs()
    weight, bias = weight.detach(), bias.detach()
    packed_depthwise(x, weight, bias, runs()).sum().backward()
    assert x.grad is not None and weight.grad is None and bias.grad is None


def test_autocast():
    arguments = inputs(torch.float32)
    expected = packed_depthwise(*arguments, runs())
    grads = torch.autograd.grad(expected.square().sum(), arguments)
    with torch.autocast('cpu', torch.bfloat16):
        found = packed_depthwise(*arguments, runs())
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)
    loss = found.float().square().sum()
    for a, b in zip(torch.autograd.grad(loss, arguments), grads):
        assert a.dtype == torch.float32
        assert (a - b).norm() < 0.02 * b.norm()


def test_tables_lead_there_and_back():
    """A grid of 2 images of 4 x 6 sites, in runs of 2: 24 places."""
    runs = RunsOfGrid(torch.tensor([5, 0, 23]), (2, 4, 6), 2)
    rows, index = runs.tables()
    assert rows.tolist() == [5, 0, 23] and rows.dtype == torch.int32
    expected = [-1] * 24
    expected[5], expected[0], expected[23] = 0, 1, 2
    assert index.tolist() == expected and index.dtype == torch.int32
    assert runs.tables()[1] is index
