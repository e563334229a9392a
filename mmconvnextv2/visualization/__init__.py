"""Pictures of what models do."""
from .classification_grid import draw_classification_grid
from .detection_grid import draw_detection_grid
from .segmentation_grid import draw_segmentation_grid

__all__ = [
    'draw_classification_grid', 'draw_detection_grid', 'draw_segmentation_grid'
]
