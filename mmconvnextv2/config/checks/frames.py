"""The frames of a traceback, and the runner among them."""
import traceback
from types import FrameType
from typing import Any, Iterator, Optional, Tuple

Frame = Tuple[FrameType, int]


def runner_of(error: BaseException) -> Any:
    """The runner that an error came through, or None."""
    for frame, _ in frames(error):
        if is_runner(frame.f_locals.get('self')):
            return frame.f_locals['self']
    return None


def frames(error: Optional[BaseException]) -> Iterator[Frame]:
    """Frames from the outside in, through the causes of re-raised errors."""
    if error is None:
        return
    yield from traceback.walk_tb(error.__traceback__)
    inner = error.__cause__
    if inner is None and not error.__suppress_context__:
        inner = error.__context__
    yield from frames(inner)


def is_runner(value: Any) -> bool:
    """Whether it is one of MMEngine's runners."""
    return any(x.__name__ in ('Runner', 'FlexibleRunner')
               for x in type(value).__mro__)
