"""Bridges over defects of other packages, each no wider than its defect."""
import importlib.util
import sys
from pathlib import Path
from typing import Optional

import torch

_TORCHVISION_SCHEMAS = ('nms', 'qnms')
# Keeps the declared schemas alive; torch.library drops them with the object.
_torchvision_library: Optional[torch.library.Library] = None


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
    global _torchvision_library
    if 'torchvision' in sys.modules or _torchvision_library is not None:
        return False
    try:
        spec = importlib.util.find_spec('torchvision')
    except ImportError:  # An import hook hides it.
        return False
    if spec is None or spec.origin is None:
        return False
    # Only a build for another device than torch's is broken in this way.
    binary = next(Path(spec.origin).parent.glob('_C*.*'), None)
    try:
        if binary is not None:
            torch.ops.load_library(str(binary))
            return False
    except OSError:
        pass
    _torchvision_library = torch.library.Library('torchvision', 'DEF')
    for name in _TORCHVISION_SCHEMAS:
        _torchvision_library.define(
            f'{name}(Tensor dets, Tensor scores, float iou_threshold) '
            '-> Tensor')
    return True


def eps_unless_defaulted(eps: float, default: float) -> float:
    """Undo the eps that ``build_norm_layer`` puts into every norm's arguments.

    Defect: the function of that name in mmcv, and its copy in mmpretrain, pass
    ``eps=1e-5`` to a norm whose config names none, so a norm with another
    default cannot apply it. Their caller's config tells the two cases apart.

    Args:
        eps (float): The value that the constructor received.
        default (float): The constructor's own default.

    Returns:
        float: ``default`` if the constructor was called by
        ``build_norm_layer`` with a config that has no eps, else ``eps``.
    """
    caller = sys._getframe(2)
    while caller.f_code.co_name == '__init__':  # of a subclass
        caller = caller.f_back
    if caller.f_code.co_name != 'build_norm_layer':
        return eps
    cfg = caller.f_locals.get('cfg')
    return default if isinstance(cfg, dict) and 'eps' not in cfg else eps
