"""Weights from and to other code bases."""
from .convert import Mapped, Source, from_ours, recognise, to_ours
from .entries import describe_choice, pick_weights
from .errors import CheckpointError, about, compare
from .folders import main_file
from .formats import FORMATS, OURS
from .io import check_target, read_checkpoint, write_checkpoint
from .network import backbone_of, check

__all__ = [
    'FORMATS', 'OURS', 'CheckpointError', 'Mapped', 'Source', 'about',
    'backbone_of', 'check', 'check_target', 'compare', 'describe_choice',
    'from_ours', 'main_file', 'pick_weights', 'read_checkpoint', 'recognise',
    'to_ours', 'write_checkpoint'
]
