"""Parts of documents that programs write."""
import re

import pytest
from generated import Section

SECTION = Section('a.md', '<!-- begin -->', '<!-- end -->')


@pytest.mark.parametrize('old', ['', 'old\n', 'two\n\nlines\n'])
def test_content_between_the_marks_is_replaced(old):
    text = f'above\n<!-- begin -->\n{old}<!-- end -->\nbelow\n'
    # What a pattern would take for a group or an escape stays as it is.
    assert SECTION.replaced(text, r'| \1 \n |') == (
        'above\n<!-- begin -->\n| \\1 \\n |\n<!-- end -->\nbelow\n')


def test_what_was_written_is_replaced_again():
    text = SECTION.replaced('<!-- begin -->\n<!-- end -->', 'a\nb')
    assert SECTION.replaced(text, 'c') == '<!-- begin -->\nc\n<!-- end -->'


@pytest.mark.parametrize('text', [
    '', '<!-- begin -->\n', '<!-- end -->\n<!-- begin -->\n',
    '<!-- begin -->\n<!-- end -->\n' * 2
])
def test_marks_are_needed_once(text):
    message = re.escape('a.md needs one pair of the lines <!-- begin --> and '
                        '<!-- end -->')
    with pytest.raises(ValueError, match=f'^{message}$'):
        SECTION.replaced(text, 'new')
