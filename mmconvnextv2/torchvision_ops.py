"""Bridges over packages that break mmpretrain, and mmdet with it.

Defect: a torchvision wheel built for CUDA, installed beside a CPU build of
PyTorch, dies on import with ``operator torchvision::nms does not exist``,
though mmpretrain and mmdet need nothing but its Python code. Declaring the
schemas of two operators is enough for the import. Calling them still fails:
there is no kernel behind them.

Needed with torchvision 0.28; can go once torchvision guards its fake
registrations by ``_has_ops()``.

Defect: beside transformers 5, ``import mmpretrain.models`` dies with
``NoneType takes no arguments``, and beside 4.57 that of mmpretrain 1.2.0.
Only its models of text need transformers, and it can do without them.

Imports nothing of this package: ``make setup`` puts a copy of this file into
the environment of a checkout, where it acts even if torchvision is imported
first (``dev/setup_env.py``). Elsewhere importing this package installs it.
"""
import importlib.util
import sys
import warnings
from importlib import metadata
from pathlib import Path

_SCHEMAS = ('nms', 'qnms')
# torch.library drops declared schemas together with the library object.
_library = None


class _BeforeImport:
    """An import hook that finds nothing, but acts before a module loads."""

    def __init__(self) -> None:
        self.actions = {
            'torchvision': declare_missing_torchvision_ops,
            'mmpretrain.models': leave_out_models_of_text,
            'mmpretrain.datasets': leave_out_models_of_text
        }

    def find_spec(self, name, path=None, target=None) -> None:
        # Only once: what acts may ask this hook again.
        self.actions.pop(name, lambda: None)()


def declare_before_torchvision() -> None:
    """Install the import hook, unless it or a copy of it is installed."""
    hooks = {type(x).__name__ for x in sys.meta_path}
    if _BeforeImport.__name__ not in hooks:
        sys.meta_path.insert(0, _BeforeImport())


def leave_out_models_of_text() -> None:
    """Let mmpretrain do without transformers that are too new for it."""
    from mmpretrain.utils import dependency
    from mmpretrain.version import __version__ as mmpretrain
    try:
        found = metadata.version('transformers')
    except metadata.PackageNotFoundError:
        return
    limit = '4.57' if mmpretrain == '1.2.0' else '5'
    number = [int(x) for x in found.split('.')[:2]]
    if dependency.WITH_MULTIMODAL and number >= list(
            map(int, limit.split('.'))):
        dependency.WITH_MULTIMODAL = False
        warnings.warn(
            f'mmpretrain {mmpretrain} cannot use transformers {found}: its '
            'models of images and text are left out, all others work. For '
            f'them: pip install "transformers<{limit}"', stacklevel=2)


def declare_missing_torchvision_ops() -> bool:
    """Declare the schemas of operators that cannot load.

    Returns:
        bool: Whether schemas were declared.
    """
    global _library
    try:
        spec = importlib.util.find_spec('torchvision')
        import torch
    except ImportError:  # There is no PyTorch, or an import hook hides it.
        return False
    if (spec is None or spec.origin is None
            or hasattr(torch.ops.torchvision, _SCHEMAS[0])):
        return False
    # Only a build for another device than torch's is broken in this way.
    binary = next(Path(spec.origin).parent.glob('_C*.*'), None)
    try:
        if binary is not None:
            torch.ops.load_library(str(binary))
            return False
    except OSError:
        pass
    _library = torch.library.Library('torchvision', 'DEF')
    for name in _SCHEMAS:
        _library.define(f'{name}(Tensor dets, Tensor scores, '
                        'float iou_threshold) -> Tensor')
    return True
