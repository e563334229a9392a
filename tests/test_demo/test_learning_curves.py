import cv2
from _comparison import compare, draw_learning_curves


def _draw(tmp_path, name, offset):
    baseline = [[(1, dict(a=0.1)), (2, dict(a=0.5))]] * 2
    other = [[(1, dict(a=0.2)), (2, dict(a=0.6 + s * offset))]
             for s in (0, 1)]
    rows = compare(baseline, other, ['a', 'b'])
    draw_learning_curves(rows, dict(a='A', b='B'), ['one', 'two'],
                         tmp_path / name)
    return cv2.imread(str(tmp_path / name))


def test_plot_per_figure_and_band(tmp_path):
    plain = _draw(tmp_path, 'plain.png', offset=0.)
    assert abs(plain.shape[1] / 2 - plain.shape[0] * 4.2 / 3.4) < 3
    # Matplotlib's first two colours, in BGR: a line for each side.
    for colour in ((180, 119, 31), (14, 127, 255)):
        assert (plain == colour).all(axis=-1).any()
    # The band of the second colour: light orange.
    banded = _draw(tmp_path, 'banded.png', offset=0.2)

    def light(picture):
        blue, green, red = (picture[..., i].astype(int) for i in range(3))
        return ((red > 240) & (abs(green - 229) < 6) &
                (abs(blue - 207) < 6)).sum()

    assert light(banded) > light(plain) + 1000
    assert sorted(x.name for x in tmp_path.iterdir()) == [
        'banded.png', 'plain.png']
