"""Say why a checkpoint cannot be used."""
import contextlib
from typing import Callable, Iterator, List, Mapping, NamedTuple

from torch import Tensor

from mmconvnextv2.errors import CommandError
from mmconvnextv2.text import first_of


class CheckpointError(CommandError, ValueError):
    """A checkpoint that cannot be used; the message says what was found."""


@contextlib.contextmanager
def about(checkpoint: str) -> Iterator[None]:
    """Begin errors about the content of a checkpoint with its path or URL."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f'{checkpoint}: {error}') from error


class Differences(NamedTuple):
    """List how a state dict differs from the one that a model expects."""

    missing: List[str]  # names that only the model has
    mismatched: List[str]  # names in both, with the two shapes
    unexpected: List[str]  # names that only the state dict has

    def without(self, may_differ: Callable[[str], bool]) -> 'Differences':
        """Forgive names that may be missing or unexpected."""
        return self._replace(
            missing=[x for x in self.missing if not may_differ(x)],
            unexpected=[x for x in self.unexpected if not may_differ(x)])

    def describe(self) -> str:
        """Describe the differences, each kind on a new line."""
        kinds = ('missing', 'of another size', 'unexpected')
        return ''.join(f'\n  {kind} ({len(names)}): {first_of(names)}'
                       for kind, names in zip(kinds, self) if names)


def compare(expected: Mapping[str, Tensor],
            state: Mapping[str, Tensor]) -> Differences:
    """Compare the names and shapes of a checkpoint with a model's.

    Args:
        expected (Mapping[str, Tensor]): State dict of the model.
        state (Mapping[str, Tensor]): State dict of the checkpoint.
    """
    return Differences(
        missing=[x for x in expected if x not in state],
        mismatched=[
            f'{x} {tuple(state[x].shape)} where {tuple(expected[x].shape)} is '
            'expected' for x in expected
            if x in state and state[x].shape != expected[x].shape
        ],
        unexpected=[x for x in state if x not in expected])
