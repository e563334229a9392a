"""Training: optimiser construction and hooks."""
from .hooks import (
    NonFiniteHook,
    PreemptionHook,
    ReconstructionHook,
    SafeCheckpointHook,
    SeedHook,
)
from .layer_decay import LayerDecayOptimWrapperConstructor

__all__ = [
    'LayerDecayOptimWrapperConstructor', 'NonFiniteHook', 'PreemptionHook',
    'ReconstructionHook', 'SafeCheckpointHook', 'SeedHook'
]
