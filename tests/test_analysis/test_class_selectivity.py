import pytest
import torch

from mmconvnextv2.analysis import ClassSelectivity, class_selectivity


def by_double_loop(images, labels, rectify):
    """Index of each unit, from lists: images of sites of units."""
    found = []
    for unit in range(len(images[0][0])):
        means = []
        for label in sorted(set(labels)):
            values = []
            for image, own in zip(images, labels):
                if own == label:
                    sites = [site[unit] for site in image]
                    if rectify:
                        sites = [max(x, 0.) for x in sites]
                    values.append(sum(sites) / len(sites))
            means.append(sum(values) / len(values))
        largest = max(means)
        means.remove(largest)
        rest = sum(means) / len(means)
        if rectify:
            found.append((largest - rest) / (largest + rest))
        else:
            found.append((largest - rest) / (abs(largest) + abs(rest)))
    return found


@pytest.mark.parametrize('rectify', [True, False])
def test_equals_double_loop_whatever_the_batches(rectify):
    x = torch.randn(9, 2, 3, 5)
    # Class 1 has no image.
    labels = torch.tensor([0, 2, 2, 3, 0, 3, 2, 2, 0])
    collected = ClassSelectivity(4, rectify)
    for part, own in zip(x.split([4, 5]), labels.split([4, 5])):
        collected('a', 'output', part, own)
    found, = collected.layers()
    assert (found.layer, found.images, found.classes) == ('a', 9, 3)
    expected = by_double_loop(
        x.flatten(1, 2).double().tolist(), labels.tolist(), rectify)
    torch.testing.assert_close(
        found.index,
        torch.tensor(expected, dtype=torch.float64),
        rtol=0,
        atol=1e-12)
    assert ((found.index >= 0) & (found.index <= 1)).all()


def test_rectified_unless_told_otherwise():
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
    message = 'class selectivity needs images of at least 2 classes, got 1'
    with pytest.raises(ValueError, match=f'^{message}$'):
        class_selectivity(torch.zeros(1, 3))
    collected = ClassSelectivity(3)
    collected('a', 'output', torch.rand(2, 2, 2, 3), torch.tensor([1, 1]))
    with pytest.raises(ValueError, match=f'^{message}$'):
        collected.layers()
