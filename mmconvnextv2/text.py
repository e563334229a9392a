"""Wording that several parts of the package share."""
from typing import Any, Iterable, Optional, Sequence


def first_of(names: Iterable[Any], most: int = 6) -> str:
    """List the first of many names and say how many more there are.

    Args:
        names (Iterable[Any]): The names, in the order to show them.
        most (int): Number of names to show. Defaults to 6.

    Returns:
        str: Such as 'a, b and 3 more'; 'nothing' if there are no names.
    """
    names = list(map(str, names))
    if not names:
        return 'nothing'
    more = len(names) - most
    return ', '.join(names[:most]) + (f' and {more} more' if more > 0 else '')


def other_order(first: Optional[Sequence[str]],
                second: Optional[Sequence[str]]) -> str:
    """Say how two orders of the same names differ.

    Args:
        first (Sequence[str], optional): Names; None or '' if not known.
        second (Sequence[str], optional): Other names.

    Returns:
        str: Both orders; '' if they are equal or not of the same names.
    """
    if not first or not second or list(first) == list(second) or sorted(
            map(str, first)) != sorted(map(str, second)):
        return ''
    return f'{first_of(first, 20)}; against {first_of(second, 20)}'


def markdown_table(header: Sequence[Any],
                   rows: Iterable[Sequence[Any]]) -> str:
    """Lay out a table in Markdown.

    Args:
        header (Sequence[Any]): Titles of the columns.
        rows (Iterable[Sequence[Any]]): Cells of each row.

    Returns:
        str: Lines without a newline at the end.
    """
    table = [header, ['---'] * len(header), *rows]
    return '\n'.join('|' + ''.join(f' {cell} |' if cell != '' else ' |'
                                   for cell in row) for row in table)
