"""What the paper looks at in trained networks (Figures 3, 4 and 7).

Each analysis reads a stream of batches and keeps nothing that grows with the
number of images.
"""
from .activations import ActivationGrid, activation_grid
from .class_selectivity import ClassSelectivity, class_selectivity
from .cosine_distance import CosineDistance, cosine_distance
from .features import AFTER_GRN, BEFORE_GRN, FEATURES, OUTPUT, blocks, observe
from .images import Batch, Images, batches, find_images
from .models import Model, load_model
from .neighbours import nearest_neighbours

__all__ = [
    'AFTER_GRN', 'BEFORE_GRN', 'FEATURES', 'OUTPUT', 'ActivationGrid', 'Batch',
    'ClassSelectivity', 'CosineDistance', 'Images', 'Model', 'activation_grid',
    'batches', 'blocks', 'class_selectivity', 'cosine_distance', 'find_images',
    'load_model', 'nearest_neighbours', 'observe'
]
