"""Bridges over defects of other packages, each no wider than its defect."""
import importlib.util
import sys
from pathlib import Path
from typing import Any, Optional

import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import digit_version

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


def load_own_checkpoints() -> bool:
    """Let MMEngine read the checkpoints that it writes.

    Defect: mmengine 0.10.7 and older call ``torch.load`` with its defaults,
    and since torch 2.6 the default refuses all but tensors, so resuming and
    testing fail on MMEngine's own files, which hold its log as well. Local
    files are read through :func:`load_inert` instead, which allows just what
    MMEngine saves and runs none of it; ``weights_only`` stays on.

    Needed with mmengine up to 0.10.7; onedl-mmengine 0.10.12 allows what it
    saves by itself.

    Returns:
        bool: Whether the loader was replaced.
    """
    if (hasattr(mmengine_checkpoint, 'get_torch_safe_globals')
            or digit_version(torch.__version__) < digit_version('2.6')):
        return False
    mmengine_checkpoint.CheckpointLoader.register_scheme(
        '', load_from_local, force=True)
    return True


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """MMEngine's function of that name, by :func:`load_inert`.

    MMEngine shows the end of its name in the log.
    """
    from .utils.inert import load_inert
    return load_inert(
        lambda: mmengine_checkpoint.load_from_local(filename, map_location),
        filename)
