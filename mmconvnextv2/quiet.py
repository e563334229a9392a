"""Silence for what other packages print."""
import contextlib
import io
import logging
import warnings
from typing import Iterator


@contextlib.contextmanager
def quietly(level: int = logging.NOTSET) -> Iterator[None]:
    """Drop warnings and whatever is printed to standard output.

    Standard error, and a progress bar there, stays. A logger of MMEngine that
    is made meanwhile stays silent afterwards, since it keeps its stream.

    Args:
        level (int): Drop log messages up to this level too, in log files as
            well. Defaults to ``logging.NOTSET``, which drops none.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, level))
    try:
        with warnings.catch_warnings(), \
                contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
