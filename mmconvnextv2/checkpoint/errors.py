"""Errors about checkpoints, and the wording of them."""
from typing import Collection, List, Mapping, NamedTuple, Tuple

from torch import Tensor

_SHOWN = 6


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message says what was found."""


def sample(names: Collection[str]) -> str:
    """The first names of a collection, and how many more there are."""
    if not names:
        return 'nothing'
    shown = ', '.join(str(x) for x in list(names)[:_SHOWN])
    more = len(names) - _SHOWN
    return f'{shown} and {more} more' if more > 0 else shown


class Differences(NamedTuple):
    """How a state dict differs from the one that a model expects.

    Attributes:
        missing (list[str]): Names that only the model has.
        unexpected (list[str]): Names that only the state dict has.
        mismatched (list[str]): Names in both with different shapes, with
            these.
    """

    missing: List[str]
    unexpected: List[str]
    mismatched: List[str]

    def describe(self) -> str:
        """All differences, a line for each kind."""
        return ''.join(
            f'\n  {kind} ({len(names)}): {", ".join(names)}'
            for kind, names in zip(('missing', 'unexpected', 'of another size'
                                    ), self) if names)


def compare(expected: Mapping[str, Tensor],
            state: Mapping[str, Tensor]) -> Differences:
    """Compare the names and shapes of two state dicts.

    Args:
        expected (Mapping[str, Tensor]): The model's.
        state (Mapping[str, Tensor]): The checkpoint's.
    """
    shapes: List[Tuple[str, Tensor]] = [
        (name, state[name]) for name in expected
        if name in state and state[name].shape != expected[name].shape
    ]
    return Differences(
        [name for name in expected if name not in state],
        [name for name in state if name not in expected],
        [f'{name} {tuple(value.shape)} where {tuple(expected[name].shape)} is '
         'expected' for name, value in shapes])
