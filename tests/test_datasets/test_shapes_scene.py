"""Geometry of the shapes data set: where objects lie and what is seen."""
import cv2
import numpy as np
import pytest

from mmconvnextv2.datasets import CLASSES
from mmconvnextv2.datasets.shapes_scene import (
    SUPERSAMPLING,
    SceneObject,
    _add,
    fill_outline,
    place_objects,
    place_outline,
    unit_outline,
)


def _area(outline: np.ndarray) -> float:
    return cv2.contourArea(outline.astype(np.float32))


@pytest.mark.parametrize('name, corners, area', [
    ('circle', 64, 32 * np.sin(2 * np.pi / 64)),
    ('cross', 12, 4 * 0.68 - 0.68**2),
    ('square', 4, 2.),
    ('star', 10, 5 * 0.44 * np.sin(np.pi / 5)),
    ('triangle', 3, 3 * 3**0.5 / 4),
])
def test_unit_outlines(name, corners, area):
    outline = unit_outline(CLASSES.index(name))
    assert outline.shape == (corners, 2)
    assert _area(outline) == pytest.approx(area, rel=1e-5)


@pytest.mark.parametrize('size', [(128, 192), (192, 128), (150, 131)])
@pytest.mark.parametrize('label', range(5))
def test_outline_side_and_place(size, label):
    rng = np.random.default_rng(0)
    sides = []
    for _ in range(200):
        outline = place_outline(rng, label, size, (0.10, 0.45))
        (x0, y0), (x1, y1) = outline.min(0), outline.max(0)
        assert min(x0, y0) >= 1 and x1 <= size[1] - 1 and y1 <= size[0] - 1
        sides.append(max(x1 - x0, y1 - y0) / min(size))
    # All of the range is drawn from, large sides more often: the mean of the
    # root of a uniform number is 2/3.
    assert 0.10 <= min(sides) < 0.16 and 0.44 < max(sides) <= 0.45
    assert np.mean(sides) == pytest.approx(0.10 + 0.35 * 2 / 3, abs=0.02)


def test_placed_objects_keep_the_rules():
    hidden = total = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        size, labels = (128, 160), tuple(rng.integers(5, size=5))
        objects = place_objects(rng, size, labels)
        assert 1 <= len(objects) <= 5
        assert sum(o.visible.astype(int) for o in objects).max() == 255
        for obj in objects:
            whole = cv2.countNonZero(fill_outline(obj.outline, size))
            seen = cv2.countNonZero(obj.visible)
            assert seen >= 0.35 * whole
            assert seen >= 40 * SUPERSAMPLING**2
            contours, hierarchy = cv2.findContours(obj.visible,
                                                   cv2.RETR_CCOMP,
                                                   cv2.CHAIN_APPROX_NONE)
            assert (hierarchy[0, :, 3] == -1).all()
            hidden += seen < 0.98 * whole
            total += 1
    # Partly overlapping: neither seldom nor always.
    assert 0.1 < hidden / total < 0.5
    # Few of the 750 wanted objects found no place.
    assert total > 650


def _square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y], [x + side, y], [x + side, y + side],
                     [x, y + side]])


@pytest.mark.parametrize('x, y, side, fits', [
    (60., 60., 20., True),
    (38., 20., 40., True),
    (35., 20., 40., False),
    (30., 30., 10., False),
], ids=['beside', '60 % left', 'half left', 'a hole'])
def test_add_refuses_what_hides_too_much(x, y, side, fits):
    size = (100, 100)
    outline = _square(20., 20., 30.)
    below = (SceneObject(2, outline, fill_outline(outline, size)), )
    grown = _add(below, 0, _square(x, y, side), size)
    assert (grown is not None) == fits
    # What was given is not changed.
    assert np.array_equal(below[0].visible, fill_outline(outline, size))
    if fits:
        assert grown[1].label == 0
        assert not np.logical_and(grown[0].visible, grown[1].visible).any()


@pytest.mark.parametrize('side, fits', [(6., False), (8., True)])
def test_add_refuses_what_is_too_small(side, fits):
    grown = _add((), 0, _square(20., 20., side), (100, 100))
    assert (grown is not None) == fits
