"""Training: optimiser construction, hooks and strategies."""
from .hooks import (
    AverageBuffersHook,
    CompileBlocksHook,
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
    'AverageBuffersHook', 'CompileBlocksHook', 'DamagedDataHook',
    'LayerDecayOptimWrapperConstructor', 'NonFiniteHook', 'PreemptionHook',
    'ReconstructionHook', 'SafeCheckpointHook', 'SeedHook', 'ShardedEMAHook',
    'ShardedStrategy'
]
