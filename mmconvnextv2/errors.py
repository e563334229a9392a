"""Errors that end a tool with a message, and what was done at an error."""
import contextlib
from collections.abc import Iterator, Sequence

_SHOWN = 10


class CommandError(Exception):
    """A request that cannot be met; the message says why.

    Attributes:
        exit_code (int): Exit code of the tool: 2, as argparse's own.
        is_of_each_process (bool): Whether each process has its own reason to
            print; else the main process prints it alone.
    """

    exit_code = 2
    is_of_each_process = False


class Note(str):
    """Text of a check for the log; other text ends the run."""

    @classmethod
    def unless(cls, is_fault: bool, text: str) -> str:
        """Mark text as a note, unless it is a fault."""
        return text if is_fault else cls(text)


def data_error(faults: Sequence[str]) -> CommandError:
    """Make the error that refuses data.

    Args:
        faults (Sequence[str]): What is wrong with them; ten are shown.
    """
    shown = list(faults[:_SHOWN])
    if len(faults) > _SHOWN:
        shown.append(f'and {len(faults) - _SHOWN} more')
    return CommandError('\n  '.join(
        [f'the data cannot be used, {len(faults)} faults:', *shown]))


@contextlib.contextmanager
def doing(action: str) -> Iterator[None]:
    """Note what was being done on an error, unless it is noted already.

    Args:
        action (str): Such as 'building model.neck (FPN)'.
    """
    try:
        yield
    except Exception as error:
        error.doing = what_was_done(error) or action
        raise


def what_was_done(error: BaseException | None) -> str:
    """Read what was being done when an error came up; '' if not noted."""
    while error is not None and not hasattr(error, 'doing'):
        error = error.__cause__ or error.__context__
    return getattr(error, 'doing', '')
