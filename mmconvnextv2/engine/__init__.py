"""Training: optimiser construction and hooks."""
from .hooks import ReconstructionHook
from .layer_decay import LayerDecayOptimWrapperConstructor

__all__ = ['LayerDecayOptimWrapperConstructor', 'ReconstructionHook']
