"""Operators that PyTorch does not have, or not fast enough."""
from .depthwise import depthwise
from .grn_mlp import grn_mlp
from .packed_depthwise import RunsOfGrid, packed_depthwise

__all__ = ['RunsOfGrid', 'depthwise', 'grn_mlp', 'packed_depthwise']
