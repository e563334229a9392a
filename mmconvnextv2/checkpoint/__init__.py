"""Weights from and to other code bases."""
from .convert import Mapped, Source, from_ours, recognise, to_ours
from .errors import CheckpointError, compare
from .formats import FORMATS, OURS
from .inspection import backbone_of, check
from .reading import pick_weights, read_checkpoint
from .writing import check_target, write_checkpoint

__all__ = [
    'FORMATS', 'OURS', 'CheckpointError', 'Mapped', 'Source', 'backbone_of',
    'check', 'check_target', 'compare', 'from_ours', 'pick_weights',
    'read_checkpoint', 'recognise', 'to_ours', 'write_checkpoint'
]
