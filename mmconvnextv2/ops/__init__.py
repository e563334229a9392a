"""Operators that PyTorch does not have."""
from .packed_depthwise import packed_depthwise

__all__ = ['packed_depthwise']
