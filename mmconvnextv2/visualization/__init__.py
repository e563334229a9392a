"""Pictures of what models do."""
from .detection_grid import draw_detection_grid

__all__ = ['draw_detection_grid']
