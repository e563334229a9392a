"""Networks and layers."""
from .backbones import ConvNeXtV2
from .layers import GRN

__all__ = ['ConvNeXtV2', 'GRN']
