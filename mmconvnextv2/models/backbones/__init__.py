"""Backbones."""
from .convnextv2 import ConvNeXtV2

__all__ = ['ConvNeXtV2']
