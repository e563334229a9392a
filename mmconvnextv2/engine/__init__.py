"""Training: optimiser construction and hooks."""
from .hooks import ReconstructionHook

__all__ = ['ReconstructionHook']
