"""Backgrounds of the shapes data set, with and without photographs."""
import importlib.util

import numpy as np
import pytest

from mmconvnextv2.datasets import shapes_backgrounds
from mmconvnextv2.datasets.shapes_backgrounds import (
    _read_photograph,
    crop_photograph,
    draw_clouds,
    find_photographs,
)


@pytest.fixture
def no_photographs(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None
        if name in ('skimage', 'sklearn') else find_spec(name))
    find_photographs.cache_clear()
    yield
    find_photographs.cache_clear()


def test_splits_share_no_part_of_a_photograph():
    pytest.importorskip('skimage')
    for path in find_photographs():
        train = _read_photograph(path, 'train')
        val = _read_photograph(path, 'val')
        whole = shapes_backgrounds.cv2.imread(str(path))
        assert np.array_equal(np.hstack([train, val]), whole)
        # Room for a crop in each.
        assert min(train.shape[:2] + val.shape[:2]) >= 96


def test_without_photographs_there_are_clouds(no_photographs):
    assert find_photographs() == ()
    crop = crop_photograph(np.random.default_rng(3), (130, 140), 'train')
    clouds = draw_clouds(np.random.default_rng(3), (130, 140))
    assert np.array_equal(crop, clouds)
    assert 10 < clouds.std() < 80
