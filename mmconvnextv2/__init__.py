"""ConvNeXt V2 for OpenMMLab.

Importing this package registers its modules with MMEngine. mmdet, mmseg and
mmpretrain are optional.
"""
import importlib.util
import sys
from typing import Any

from .torchvision_ops import declare_before_torchvision
from .version import REQUIRED, __version__

__all__ = [
    'ConvNeXtV2', 'GRN', 'LayerDecayOptimWrapperConstructor', '__version__',
    'engine', 'models'
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module('.registered', __name__), name)


declare_before_torchvision()
# Asked for -m mmconvnextv2, Python imports this before __main__. The tool that
# runs then reads its command line first; cli imports the rest for it. Not so
# for a module of somebody else whose package imports this.
_module = ' '.join(sys.orig_argv).partition(' -m ')[2].partition(' ')[0]
_before_main = sys.argv[:1] == ['-m'] and _module == __name__
if not _before_main or None in map(importlib.util.find_spec, REQUIRED):
    importlib.import_module('.registered', __name__)
