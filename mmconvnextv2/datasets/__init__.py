"""Data sets: the embedded shapes data set."""
from typing import Any

from .shapes_scene import CLASSES, PALETTE, SEG_CLASSES, SEG_PALETTE

__all__ = ['CLASSES', 'PALETTE', 'SEG_CLASSES', 'SEG_PALETTE', 'make_shapes']


def __getattr__(name: str) -> Any:
    # Imported on demand: `python -m mmconvnextv2.datasets.shapes` would
    # otherwise find its module loaded already, and warn.
    if name == 'make_shapes':
        from .shapes import make_shapes
        return make_shapes
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
