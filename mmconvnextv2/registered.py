"""Import what registers itself with MMEngine, behind a check of versions."""
from .version import (
    check_required,
    warn_about_operators,
    warn_about_optional,
)

check_required()
warn_about_optional()
warn_about_operators()

from . import engine, models
from .checkpoint.loading import load_own_checkpoints
from .engine import LayerDecayOptimWrapperConstructor
from .models import GRN, ConvNeXtV2

load_own_checkpoints()

__all__ = [
    'ConvNeXtV2', 'GRN', 'LayerDecayOptimWrapperConstructor', 'engine',
    'models'
]
