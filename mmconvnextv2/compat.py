"""Bridges over defects of other packages, each no wider than its defect.

The one over torchvision is in ``torchvision_ops.py``.
"""
from typing import Any

import torch
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import digit_version


def load_own_checkpoints() -> bool:
    """Let MMEngine read the checkpoints that it writes.

    Defect: mmengine 0.10.7 and older call ``torch.load`` with its defaults,
    and since torch 2.6 the default refuses all but tensors, so resuming and
    testing fail on MMEngine's own files, which hold its log as well. Local
    files are read by :func:`load_from_path_or_url` instead, which allows just
    what MMEngine saves and runs none of it; ``weights_only`` stays on.

    This is all that importing the package changes, and only where nothing
    could be loaded before. For the duration of a run our tools replace the
    other loaders too, on both stacks: see :func:`safe_loading`.

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
    """MMEngine's function of that name, by ``load_from_path_or_url``.

    MMEngine shows the end of its name in the log.
    """
    from mmconvnextv2.checkpoint.loading import load_from_path_or_url
    return load_from_path_or_url(filename, map_location)
