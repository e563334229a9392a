"""Networks and layers; ``selfsup`` is imported where it is needed."""
from .backbones import ConvNeXtV2, RoadmapNet
from .heads import FCMAEHead
from .layers import GRN
from .necks import FCMAEDecoder

__all__ = ['ConvNeXtV2', 'FCMAEDecoder', 'FCMAEHead', 'GRN', 'RoadmapNet']
