"""Silence for what other packages print."""
import contextlib
import io
import logging
import warnings
from typing import Iterator


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Mute warnings, logs below errors, and what is printed.

    OpenMMLab's inferencers warn that no checkpoint is loaded while they are
    built, which here comes after; exporters warn of every shape they read.
    Standard error, and so a progress bar there, stays.
    """
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(
                io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
