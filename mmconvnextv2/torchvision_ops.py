"""A bridge over a torchvision whose compiled operators cannot load.

Defect: a torchvision wheel built for CUDA, installed beside a CPU build of
PyTorch, dies on import with ``operator torchvision::nms does not exist``, and
mmpretrain and mmdet die with it, though they need nothing but its Python code.
Declaring the schemas of two operators is enough for the import. Calling them
still fails: there is no kernel behind them.

Needed with torchvision 0.28; can go once torchvision guards its fake
registrations by ``_has_ops()``.

Imports nothing of this package: ``make setup`` puts a copy of this file into
the environment of a checkout, where it acts even if torchvision is imported
first (``dev/setup_env.py``). Elsewhere importing this package installs it.
"""
import importlib.util
import sys
from pathlib import Path

_SCHEMAS = ('nms', 'qnms')
# torch.library drops declared schemas together with the library object.
_library = None


class _BeforeTorchvision:
    """An import hook that finds nothing, but acts before torchvision loads."""

    acted = False

    def find_spec(self, name, path=None, target=None) -> None:
        if name == 'torchvision' and not self.acted:
            self.acted = True  # The search below asks this hook again.
            declare_missing_torchvision_ops()


def declare_before_torchvision() -> None:
    """Install the import hook, unless it or a copy of it is installed."""
    hooks = {type(x).__name__ for x in sys.meta_path}
    if _BeforeTorchvision.__name__ not in hooks:
        sys.meta_path.insert(0, _BeforeTorchvision())


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
