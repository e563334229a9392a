import math

import pytest
import torch

from mmconvnextv2.analysis import CosineDistance, cosine_distance


def by_loops(channels):
    """Of lists of values, one for each channel that is not dead."""
    total = 0.
    for x in channels:
        for y in channels:
            dot = sum(a * b for a, b in zip(x, y))
            sizes = math.sqrt(sum(a * a for a in x)) * math.sqrt(
                sum(b * b for b in y))
            total += (1 - dot / sizes) / 2
    return total / len(channels)**2


@pytest.mark.parametrize('shape', [(3, 2, 4, 5), (2, 3, 3, 1), (2, 1, 1, 6)])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
def test_equals_loops(shape, dtype):
    x = (torch.randn(shape, dtype=torch.float64) + 0.3).to(dtype)
    found, dead = cosine_distance(x)
    expected = [
        by_loops(image.flatten(0, -2).t().double().tolist())
        for image in x
    ]
    assert found.dtype == torch.float64
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    assert dead.tolist() == [0.] * shape[0]


@pytest.mark.parametrize('channels, expected', [
    ([[1., 1.], [2., 2.]], 0),
    ([[1., 2.], [-3., -6.]], 0.5),  # two of four pairs have a distance of 1
    (torch.eye(4).tolist(), 0.375),  # twelve of 16 pairs have one of 1/2
])
def test_known_values(channels, expected):
    x = torch.tensor(channels).t()[None]
    assert cosine_distance(x)[0].item() == pytest.approx(expected, abs=1e-15)


def test_scale_of_a_channel_does_not_matter():
    x = torch.rand(1, 5, 4, dtype=torch.float64)
    scales = torch.tensor([1e-120, 1., 1e9, 1e90], dtype=torch.float64)
    torch.testing.assert_close(cosine_distance(x * scales), cosine_distance(x))


def test_dead_channels():
    x = torch.randn(2, 3, 3, 5)
    x[0, ..., [1, 4]] = 0.
    x[1] = -0.
    distance, dead = cosine_distance(x, live_only=True)
    assert dead.tolist() == pytest.approx([0.4, 1.])
    live = cosine_distance(x[:1, ..., [0, 2, 3]])[0].item()
    assert distance.tolist() == pytest.approx([live, 0.])
    # Of 25 pairs, 9 are live, 4 dead, at distance 0, and 12 mixed, at 1/2.
    distance = cosine_distance(x)[0]
    assert distance.tolist() == pytest.approx([(9 * live + 6) / 25, 0.])


def test_collects_mean_and_deviation_over_images():
    x = torch.randn(7, 3, 3, 4)
    x[2, ..., 0] = 0.
    together, apart = CosineDistance(), CosineDistance()
    together('a', 'output', x, None)
    for part in x.split([3, 1, 3]):
        apart('a', 'output', part, None)
        apart('b', 'output', part[..., :2], None)
    values = cosine_distance(x)[0]
    found, = together.layers()
    assert found[:4] == ('a', 'output', 4, 7)
    assert found.distance == pytest.approx(values.mean().item())
    assert found.std == pytest.approx(values.std(correction=0).item())
    assert found.dead == pytest.approx(1 / 28)
    assert apart.layers()[0][:4] == found[:4]
    assert apart.layers()[0][4:] == pytest.approx(found[4:])
    assert apart.layers()[1][:4] == ('b', 'output', 2, 7)
