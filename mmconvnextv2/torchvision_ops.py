"""A bridge over a torchvision whose compiled operators cannot load.

Imports nothing of this package: ``make setup`` puts a copy of this file into
the environment of a checkout, where it acts before anybody imports torchvision
(``dev/setup_env.py``). Elsewhere it acts when this package is imported.
"""
import importlib.util
import sys
from pathlib import Path

_SCHEMAS = ('nms', 'qnms')
# Keeps the declared schemas alive; torch.library drops them with the object.
_library = None


def declare_missing_torchvision_ops() -> bool:
    """Let torchvision be imported when its compiled operators cannot load.

    Defect: a torchvision wheel built for CUDA, installed beside a CPU build of
    PyTorch, dies on import with ``operator torchvision::nms does not exist``,
    and mmpretrain (and mmdet, which imports it) die with it, though all they
    need is pure Python. Declaring the two operators' schemas is enough for the
    import. Calling them still fails: there is no kernel behind them.

    Needed with torchvision 0.28; can go once torchvision guards its fake
    registrations by ``_has_ops()``.

    Returns:
        bool: Whether the schemas were declared.
    """
    global _library
    if 'torchvision' in sys.modules:
        return False
    try:
        spec = importlib.util.find_spec('torchvision')
        import torch
    except ImportError:  # There is no PyTorch, or an import hook hides it.
        return False
    if spec is None or spec.origin is None or _has_schemas():
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


def _has_schemas() -> bool:
    """Whether somebody, such as a copy of this file, has declared them."""
    import torch
    return hasattr(torch.ops.torchvision, _SCHEMAS[0])


class _BeforeTorchvision:
    """An import hook that finds nothing, but acts as torchvision is sought."""

    acted = False

    def find_spec(self, name, path=None, target=None) -> None:
        if name == 'torchvision' and not self.acted:
            self.acted = True  # before this asks for torchvision, too
            declare_missing_torchvision_ops()


def declare_before_torchvision() -> None:
    """Declare the schemas once torchvision is to be imported, not before."""
    sys.meta_path.insert(0, _BeforeTorchvision())
