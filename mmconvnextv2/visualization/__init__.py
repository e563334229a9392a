"""Pictures of predictions and reconstructions."""
from .prediction_grids import (
    draw_classification_grid,
    draw_detection_grid,
    draw_segmentation_grid,
)

__all__ = [
    'draw_classification_grid', 'draw_detection_grid', 'draw_segmentation_grid'
]
