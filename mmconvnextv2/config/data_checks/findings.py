"""What a check of data has found."""
from dataclasses import dataclass, field
from typing import Any, List, Sequence

_SHOWN = 5


@dataclass
class Findings:
    """What is wrong, and what is left out.

    Attributes:
        problems (list[str]): What cannot be trained on or evaluated; each
            begins with the file.
        notes (list[str]): What a run does without.
    """

    problems: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)

    def add(self, other: 'Findings') -> None:
        """Add what another check has found, but nothing twice."""
        for own, new in ((self.problems, other.problems),
                         (self.notes, other.notes)):
            own += [x for x in new if x not in own]


def listed(items: Sequence[Any], shown: int = _SHOWN) -> str:
    """The first items of many, and how many more there are."""
    more = len(items) - shown
    return ', '.join(map(str, items[:shown])) + (f' and {more} more'
                                                 if more > 0 else '')
