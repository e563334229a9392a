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


def test_photographs_come_from_both_packages():
    pytest.importorskip('skimage')
    pytest.importorskip('sklearn')
    names = {path.name for path in find_photographs()}
    assert {'chelsea.png', 'coffee.png', 'china.jpg', 'flower.jpg'} <= names


def test_splits_share_no_part_of_a_photograph():
    pytest.importorskip('skimage')
    for path in find_photographs():
        train = _read_photograph(path, 'train')
        val = _read_photograph(path, 'val')
        whole = shapes_backgrounds.cv2.imread(str(path))
        assert np.array_equal(np.hstack([train, val]), whole)
        # Room for a crop in each.
        assert min(train.shape[:2] + val.shape[:2]) >= 96


@pytest.mark.parametrize('split', ['train', 'val'])
@pytest.mark.parametrize('size', [(128, 192), (192, 128), (5, 3)])
def test_crop_has_the_size_asked_for(size, split):
    rng = np.random.default_rng(0)
    for _ in range(20):
        crop = crop_photograph(rng, size, split)
        assert crop.shape == (*size, 3) and crop.dtype == np.float32
        assert crop.min() >= 0 and crop.max() <= 255


def test_without_photographs_there_are_clouds(no_photographs):
    assert find_photographs() == ()
    crop = crop_photograph(np.random.default_rng(3), (130, 140), 'train')
    clouds = draw_clouds(np.random.default_rng(3), (130, 140))
    assert np.array_equal(crop, clouds)
    assert 10 < clouds.std() < 80
