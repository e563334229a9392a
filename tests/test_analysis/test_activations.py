import numpy as np
import torch

from mmconvnextv2.analysis import ActivationGrid, activation_grid


def test_grid():
    maps = np.stack([np.full((2, 3), x) for x in (0., 1., 4.)])
    grid = activation_grid(maps, columns=2)
    nan = np.nan
    expected = np.array([
        [0., 0., 0., nan, .25, .25, .25],
        [0., 0., 0., nan, .25, .25, .25],
        [nan] * 7,
        [1., 1., 1., nan, nan, nan, nan],
        [1., 1., 1., nan, nan, nan, nan],
    ])
    np.testing.assert_array_equal(grid, expected)


def test_one_value_is_dark():
    np.testing.assert_array_equal(
        activation_grid(np.full((1, 2, 2), 7.)), np.zeros((2, 2)))


def test_few_sites_do_not_set_the_scale():
    maps = np.linspace(0, 1, 1000).reshape(10, 10, 10)
    maps[0, 0, 0] = 1e6
    grid = activation_grid(maps)
    assert np.nanmax(grid) == 1 and np.nanmedian(grid) > 0.4


def test_keeps_channels_of_the_first_image_alone():
    kept = ActivationGrid(['b'], num_channels=2)
    x = torch.randn(3, 4, 5, 6)
    kept('a', 'output', x, None)
    kept('b', 'output', x, None)
    kept('b', 'output', x + 1, None)
    found, = kept.layers()
    assert found[:2] == ('b', 'output')
    np.testing.assert_array_equal(found.maps,
                                  x[0, ..., :2].permute(2, 0, 1).numpy())
    # Not a view, which would keep all features.
    assert found.maps.base.nbytes == 2 * 4 * 5 * 4
    x.zero_()
    assert found.maps.any()
