"""Training: optimiser construction, hooks and strategies."""
from .hooks import (
    AverageBuffersHook,
    DamagedDataHook,
    NonFiniteHook,
    PreemptionHook,
    ReconstructionHook,
    SafeCheckpointHook,
    SeedHook,
    ShardedEMAHook,
)
from .layer_decay import LayerDecayOptimWrapperConstructor
from .strategies import ShardedStrategy

__all__ = [
    'AverageBuffersHook', 'DamagedDataHook',
    'LayerDecayOptimWrapperConstructor', 'NonFiniteHook', 'PreemptionHook',
    'ReconstructionHook', 'SafeCheckpointHook', 'SeedHook', 'ShardedEMAHook',
    'ShardedStrategy'
]
