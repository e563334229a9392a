"""Training: optimiser construction, hooks and sharding."""
from .hooks import (
    CompileBlocksHook,
    CurveHook,
    DamagedDataHook,
    DryRunHook,
    NonFiniteHook,
    PreemptionHook,
    ReconstructionHook,
    ResumeHook,
    SafeCheckpointHook,
    SeedHook,
    StallHook,
    WorkDirLockHook,
)
from .layer_decay import LayerDecayOptimWrapperConstructor
from .sharding import ShardedRunner, ShardedStrategy

__all__ = [
    'CompileBlocksHook', 'CurveHook', 'DamagedDataHook', 'DryRunHook',
    'LayerDecayOptimWrapperConstructor', 'NonFiniteHook', 'PreemptionHook',
    'ReconstructionHook', 'ResumeHook', 'SafeCheckpointHook', 'SeedHook',
    'ShardedRunner', 'ShardedStrategy', 'StallHook', 'WorkDirLockHook'
]
