"""Hooks."""
from .average_buffers_hook import AverageBuffersHook
from .compile_blocks_hook import CompileBlocksHook
from .damaged_data_hook import DamagedDataHook
from .non_finite_hook import NonFiniteError, NonFiniteHook
from .preemption_hook import PreemptionHook
from .reconstruction_hook import ReconstructionHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .seed_hook import SeedHook
from .sharded_ema_hook import ShardedEMAHook

__all__ = [
    'AverageBuffersHook', 'CompileBlocksHook', 'DamagedDataHook',
    'NonFiniteError', 'NonFiniteHook', 'PreemptionHook', 'ReconstructionHook',
    'SafeCheckpointHook', 'SeedHook', 'ShardedEMAHook'
]
