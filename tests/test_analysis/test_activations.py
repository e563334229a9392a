import numpy as np
import pytest
import torch

from mmconvnextv2.analysis import ActivationGrid, activation_grid

NAN = np.nan


@pytest.mark.parametrize('values, columns, expected', [
    ((0., 1., 4.), 2, [
        [0., 0., 0., NAN, .25, .25, .25], [0., 0., 0., NAN, .25, .25, .25],
        [NAN] * 7, [1., 1., 1., NAN, NAN, NAN, NAN],
        [1., 1., 1., NAN, NAN, NAN, NAN]
    ]),
    ((7., ), 8, [[0.] * 3] * 2),  # one value is dark
])
def test_grid(values, columns, expected):
    maps = np.stack([np.full((2, 3), x) for x in values])
    np.testing.assert_array_equal(activation_grid(maps, columns), expected)


def test_few_sites_do_not_set_the_scale():
    maps = np.linspace(0, 1, 1000).reshape(10, 10, 10)
    maps[0, 0, 0] = 1e6
    grid = activation_grid(maps)
    assert np.nanmax(grid) == 1 and np.nanmedian(grid) > 0.4


def test_keeps_channels_of_the_first_image_alone():
    kept = ActivationGrid(['b'], num_channels=2)
    x = torch.randn(3, 4, 5, 6)
    for layer, features in dict(a=x, b=x).items():
        kept(layer, 'output', features, None)
    kept('b', 'output', x + 1, None)
    (layer, kind, maps), = kept.layers()
    assert (layer, kind) == ('b', 'output')
    np.testing.assert_array_equal(maps,
                                  x[0, ..., :2].permute(2, 0, 1).numpy())
    # Not a view, which would keep all features.
    x.zero_()
    assert maps.any()
