import pytest
import torch

from mmconvnextv2.analysis import ClassSelectivity, class_selectivity


def by_loops(images, labels, rectify):
    """Index of each unit, from lists: images of sites of units."""
    found = []
    for unit in range(len(images[0][0])):
        by_class = {}
        for image, label in zip(images, labels):
            sites = [site[unit] for site in image]
            if rectify:
                sites = [max(x, 0.) for x in sites]
            by_class.setdefault(label, []).append(sum(sites) / len(sites))
        means = sorted(sum(x) / len(x) for x in by_class.values())
        largest, rest = means[-1], sum(means[:-1]) / (len(means) - 1)
        found.append((largest - rest) / (abs(largest) + abs(rest)))
    return found


@pytest.mark.parametrize('rectify', [True, False])
def test_equals_loops_whatever_the_batches(rectify):
    x = torch.randn(9, 2, 3, 5)
    # Class 1 has no image.
    labels = torch.tensor([0, 2, 2, 3, 0, 3, 2, 2, 0])
    collected = ClassSelectivity(4, rectify)
    for part, own in zip(x.split([4, 5]), labels.split([4, 5])):
        collected('a', 'output', part, own)
    found, = collected.layers()
    assert found[:4] == ('a', 'output', 9, 3)
    expected = by_loops(
        x.flatten(1, 2).double().tolist(), labels.tolist(), rectify)
    torch.testing.assert_close(
        found.index, torch.tensor(expected, dtype=torch.float64), rtol=0,
        atol=1e-12)
    assert ((found.index >= 0) & (found.index <= 1)).all()


def test_rectified_by_default():
    assert ClassSelectivity(2).rectify


def test_known_values():
    means = torch.tensor([
        # One class only; all alike; 3 to 1; dead; all negative; both signs.
        [1., 2., 3., 0., -1., 1.],
        [0., 2., 1., 0., -3., -1.],
        [0., 2., 1., 0., -3., -1.],
    ])
    assert class_selectivity(means).tolist() == pytest.approx(
        [1., 0., 0.5, 0., 0.5, 1.])


def test_needs_two_classes():
    collected = ClassSelectivity(3)
    collected('a', 'output', torch.rand(2, 2, 2, 3), torch.tensor([1, 1]))
    with pytest.raises(ValueError, match='^class selectivity needs images of '
                       'at least 2 classes, got 1$'):
        collected.layers()
