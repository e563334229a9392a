"""Lists of names and tables."""
import pytest

from mmconvnextv2.text import first_of, markdown_table


@pytest.mark.parametrize(('count', 'text'), [
    (0, 'nothing'),
    (1, '0'),
    (3, '0, 1, 2'),
    (4, '0, 1, 2 and 1 more'),
    (10, '0, 1, 2 and 7 more'),
])
def test_first_of_says_how_many_more_there_are(count, text):
    assert first_of(range(count), 3) == text


def test_first_of_takes_any_iterable_and_shows_six():
    assert first_of(iter('abcdef')) == 'a, b, c, d, e, f'
    assert first_of(dict.fromkeys('abcdefg')) == 'a, b, c, d, e, f and 1 more'


def test_markdown_table():
    assert markdown_table(['x', ''], [[1, 'b'], ('', 0)]) == (
        '| x | |\n| --- | --- |\n| 1 | b |\n| | 0 |')
