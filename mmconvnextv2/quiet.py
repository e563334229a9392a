"""Silence for what other packages print."""
import contextlib
import io
import logging
import warnings
from typing import Iterator


class _Nowhere(io.TextIOBase):
    """A stream that drops everything and never closes.

    Loggers of MMEngine keep the stream they were made with: one made while
    nothing may be printed stays silent, and must not find a closed stream.
    """

    def write(self, text: str) -> int:
        return len(text)

    def close(self) -> None:
        pass


@contextlib.contextmanager
def quietly(level: int = logging.NOTSET) -> Iterator[None]:
    """Drop warnings and whatever is printed to standard output.

    Standard error, and a progress bar there, stays.

    Args:
        level (int): Drop log messages up to this level too, in log files as
            well. Defaults to ``logging.NOTSET``, which drops none.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, level))
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(_Nowhere()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
