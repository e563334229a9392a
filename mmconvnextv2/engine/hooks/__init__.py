"""Hooks."""
from .checkpoint_fit_hook import CheckpointFitHook
from .compile_blocks_hook import CompileBlocksHook
from .curve_hook import CurveHook
from .damaged_data_hook import DamagedDataHook
from .data_check_hook import DataCheckHook
from .dry_run_hook import DryRunHook
from .non_finite_hook import NonFiniteError, NonFiniteHook
from .preemption_hook import PreemptionHook
from .reconstruction_hook import ReconstructionHook
from .resume_hook import ResumeHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .seed_hook import SeedHook
from .stall_hook import StallHook
from .work_dir_lock_hook import WorkDirLockHook

__all__ = [
    'CheckpointFitHook', 'CompileBlocksHook', 'CurveHook', 'DamagedDataHook',
    'DataCheckHook', 'DryRunHook', 'NonFiniteError', 'NonFiniteHook',
    'PreemptionHook', 'ReconstructionHook', 'ResumeHook',
    'SafeCheckpointHook', 'SeedHook', 'StallHook', 'WorkDirLockHook'
]
