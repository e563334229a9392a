"""Say why a checkpoint cannot be used."""
import contextlib
from typing import Callable, Iterator, List, Mapping, NamedTuple

import torch
from torch import Tensor

from mmconvnextv2.errors import CommandError
from mmconvnextv2.text import first_of


class CheckpointError(CommandError, ValueError):
    """A checkpoint that cannot be used; the message says what was found."""


# What content that is not as expected leads to.
_OF_CONTENT = (ArithmeticError, AssertionError, AttributeError, LookupError,
               RuntimeError, TypeError, ValueError)


@contextlib.contextmanager
def blamed(checkpoint: str) -> Iterator[None]:
    """Blame a checkpoint for errors that its content leads to."""
    try:
        yield
    except (CommandError, torch.cuda.OutOfMemoryError):
        raise
    except _OF_CONTENT as error:
        if 'loaded state dict' in str(error):  # See ``safe_loading``.
            raise
        raise CheckpointError(
            f'{checkpoint}: its content cannot be used '
            f'({type(error).__name__}: {str(error)[:300]})') from error


@contextlib.contextmanager
def about(checkpoint: str) -> Iterator[None]:
    """Begin errors about the content of a checkpoint with its path or URL."""
    with blamed(checkpoint):
        try:
            yield
        except CheckpointError as error:
            raise CheckpointError(f'{checkpoint}: {error}') from error


def check_numbers(weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that are no plain numbers.

    Raises:
        CheckpointError: If a name is no text, or a tensor sparse, quantised,
            complex, without data or not finite for a NaN in it.
    """
    for name, value in weights.items():
        if not isinstance(name, str):
            raise CheckpointError('the names of weights must be text, found '
                                  f'{type(name).__name__}')
        oddity = isinstance(value, Tensor) and _oddity(value)
        if oddity:
            raise CheckpointError(f'the weights {name} are {oddity}')


def _oddity(value: Tensor) -> str:
    if value.layout != torch.strided or value.is_nested:
        return f'no dense tensor ({value.layout})'
    if value.is_quantized or value.is_complex():
        return f'of {value.dtype}, which no layer takes'
    if value.is_meta:
        return 'without data (on the device meta)'
    if value.is_floating_point():
        # Numbers of 8 bits cannot be asked.
        value = value.half() if value.element_size() == 1 else value
        count = int(value.isnan().sum())
        return f'not a number (NaN) in {count} of {value.numel()} places' \
            if count else ''
    return ''


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

    Raises:
        CheckpointError: If a checkpoint has no tensor, or integers where the
            model has floats, which PyTorch would copy as they are.
    """
    for name in expected:
        want, found = expected[name], state.get(name, expected[name])
        if not isinstance(found, Tensor):
            raise CheckpointError(f'{name} must be a tensor, found '
                                  f'{type(found).__name__}')
        if want.is_floating_point() != found.is_floating_point():
            raise CheckpointError(f'{name} is of {found.dtype}, where '
                                  f'{want.dtype} is expected')
    return Differences(
        missing=[x for x in expected if x not in state],
        mismatched=[
            f'{x} {tuple(state[x].shape)} where {tuple(expected[x].shape)} is '
            'expected' for x in expected
            if x in state and state[x].shape != expected[x].shape
        ],
        unexpected=[x for x in state if x not in expected])
