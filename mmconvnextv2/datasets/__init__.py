"""Data sets: the embedded shapes data set."""
from .shapes import make_shapes
from .shapes_scene import CLASSES, PALETTE, SEG_CLASSES, SEG_PALETTE

__all__ = ['CLASSES', 'PALETTE', 'SEG_CLASSES', 'SEG_PALETTE', 'make_shapes']
