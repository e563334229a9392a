"""Layers of ConvNeXt V2."""
from .block import ConvNeXtV2Block
from .grn import GRN

__all__ = ['ConvNeXtV2Block', 'GRN']
