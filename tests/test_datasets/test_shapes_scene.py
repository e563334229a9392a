"""Geometry of the shapes data set: where objects lie and what is seen."""
import cv2
import numpy as np
import pytest

from mmconvnextv2.datasets.shapes_scene import (
    SUPERSAMPLING,
    SceneObject,
    _add,
    fill_outline,
    place_objects,
)


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
    (60., 60., 20., True), (38., 20., 40., True), (35., 20., 40., False),
    (30., 30., 10., False)
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
