import pytest

from mmconvnextv2.capacity.pretraining import IMAGENET, days


def test_days():
    # 1281167 images * 800 = 1.0249e9; at 8 * 1000 images a second 128117 s.
    assert IMAGENET == 1281167
    assert days(800, 1000, 8) == pytest.approx(128116.7 / 86400)
    assert days(1600, 500, 8) == pytest.approx(4 * days(800, 1000, 8))


@pytest.mark.parametrize('arguments, message', [
    ((0, 1, 1), 'epochs must be positive, got 0'),
    ((1, -2., 1), 'images_per_second must be positive, got -2.0'),
    ((1, float('nan'), 1), 'images_per_second must be positive, got nan'),
    ((1, 1, 0), 'gpus must be positive, got 0'),
])
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=f'^{message}$'):
        days(*arguments)
