"""Backbones."""
from .convnextv2 import ConvNeXtV2
from .roadmap import RoadmapNet

__all__ = ['ConvNeXtV2', 'RoadmapNet']
