"""ConvNeXt V2 for OpenMMLab.

Importing this package registers its modules with MMEngine. mmdet, mmseg and
mmpretrain are optional.
"""
from .version import __version__, check_required, warn_about_optional

check_required()
warn_about_optional()

from .torchvision_ops import declare_before_torchvision  # noqa: E402

declare_before_torchvision()

from mmconvnextv2 import engine, models  # noqa: E402
from .checkpoint.loading import load_own_checkpoints  # noqa: E402
from .engine import LayerDecayOptimWrapperConstructor  # noqa: E402
from .models import GRN, ConvNeXtV2  # noqa: E402

load_own_checkpoints()

__all__ = [
    'ConvNeXtV2', 'GRN', 'LayerDecayOptimWrapperConstructor', '__version__',
    'engine', 'models'
]
