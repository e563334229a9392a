"""Layers of ConvNeXt V2."""
from .block import ConvNeXtV2Block
from .grn import GRN
from .grn_variant import GRNVariant

__all__ = ['ConvNeXtV2Block', 'GRN', 'GRNVariant']
