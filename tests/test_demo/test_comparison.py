"""Statistics over seeds, against numbers computed by hand."""
import _comparison as comparison
import cv2
import pytest
from _comparison import Spread

# Of three seeds; after 2, 5 and 10 iterations.
BASELINE = [
    [(2, {'a': 0.0}), (5, {'a': 0.1, 'b': 1.}), (10, {'a': 0.2, 'b': 1.})],
    [(2, {}), (5, {'a': 0.2, 'b': 3.}), (10, {'a': 0.6, 'b': 1.})],
    [(2, {'a': 0.1}), (5, {'a': 0.3, 'b': 2.}), (10, {'a': 0.4, 'b': 1.})],
]
OTHER = [
    [(2, {}), (5, {'a': 0.1, 'b': 1.}), (10, {'a': 0.4, 'b': 0.})],
    [(2, {}), (5, {'a': 0.2, 'b': 3.}), (10, {'a': 0.7, 'b': 0.})],
    [(2, {}), (5, {'a': 0.3, 'b': 2.}), (10, {'a': 0.7, 'b': 0.})],
]


@pytest.fixture
def rows():
    return comparison.compare(BASELINE, OTHER, ['a', 'b'])


def test_rows(rows):
    assert [(x.iteration, x.figure) for x in rows] == [
        (2, 'a'), (2, 'b'), (5, 'a'), (5, 'b'), (10, 'a'), (10, 'b')]
    last = rows[4]
    # Squared deviations from 0.4: 0.04, 0.04, 0.
    assert last.baseline.values == [0.2, 0.6, 0.4]
    assert last.baseline.mean == pytest.approx(0.4)
    assert last.baseline.std == pytest.approx(0.2)
    # From 0.6: 0.04, 0.01, 0.01.
    assert last.other.mean == pytest.approx(0.6)
    assert last.other.std == pytest.approx(0.03**0.5)
    # 0.2, 0.1 and 0.3 seed by seed.
    assert last.difference.mean == pytest.approx(0.2)
    assert last.difference.std == pytest.approx(0.1)


def test_figures_of_an_evaluation_without_detections_are_zero(rows):
    assert rows[0].baseline.values == [0., 0., 0.1]
    assert rows[1].other == Spread([0., 0., 0.], 0., 0.)


def test_one_seed_has_no_noise():
    row, = comparison.compare([[(1, dict(a=0.25))]], [[(1, dict(a=0.5))]],
                              ['a'])
    assert row.difference == Spread([0.25], 0.25, None)
    assert row.difference.text('+') == '+0.250'


def test_half_and_end(rows):
    chosen = comparison.halfway_and_end(rows)
    assert [(x.iteration, x.figure) for x in chosen] == [
        (5, 'a'), (5, 'b'), (10, 'a'), (10, 'b')]
    assert comparison.halfway_and_end(chosen[-2:]) == chosen[-2:]
    # With 2 and 10 alone, the first at half or later is the last.
    sparse = rows[:2] + rows[4:]
    assert comparison.halfway_and_end(sparse) == rows[4:]


def test_table(rows):
    lines = comparison.cells(rows[4:5], dict(a='A'))
    assert lines == [[
        '10', 'A', '0.400 ± 0.200', '0.600 ± 0.173', '+0.200 ± 0.100'
    ]]
    assert Spread.of([-0.5, -0.25]).text('+') == '-0.375 ± 0.177'


def test_plot_per_figure_and_band(tmp_path):
    baseline = [[(1, dict(a=0.1)), (2, dict(a=0.5))]] * 2
    other = [[(1, dict(a=0.2)), (2, dict(a=x))] for x in (0.6, 0.8)]
    rows = comparison.compare(baseline, other, ['a', 'b'])
    comparison.draw_learning_curves(
        rows, dict(a='A', b='B'), ['one', 'two'], tmp_path / 'x.png')
    plot = cv2.imread(str(tmp_path / 'x.png'))
    assert abs(plot.shape[1] / 2 - plot.shape[0] * 4.2 / 3.4) < 3
    # Matplotlib's first two colours, in BGR: a line for each side. The second
    # has a band, which is light orange.
    for colour, count in (((180, 119, 31), 1), ((14, 127, 255), 1),
                          ((207, 229, 255), 1000)):
        assert (abs(plot.astype(int) - colour).max(-1) < 6).sum() >= count
