"""Training on a machine without a GPU, by one process or by several."""
import contextlib
import ctypes
import os
from datetime import timedelta
from typing import Any, Callable, Iterator, Optional

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import all_reduce_params
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS, OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from mmconvnextv2.config.walk import type_name
from mmconvnextv2.ops.linear import has_fast_bf16

# Parameters of glibc's mallopt().
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_DETECTORS = {'mmdet', 'mmdet3d', 'mmrotate', 'mmtrack', 'mmyolo'}


@MODEL_WRAPPERS.register_module()
class CPUDataParallel(MMDistributedDataParallel):
    """Train with BN instead of SyncBN, which PyTorch has for GPUs only.

    MMEngine does so where there is one process. Each process normalises by
    its own images. The running statistics are averaged after each iteration,
    so that all processes evaluate the model that is saved.
    """

    def __init__(self, module: nn.Module, **kwargs: Any) -> None:
        super().__init__(revert_sync_batchnorm(module), **kwargs)

    def train_step(self, *args: Any, **kwargs: Any) -> dict:
        """Train, then average the running statistics."""
        losses = super().train_step(*args, **kwargs)
        all_reduce_params(
            [x for name, x in self.named_buffers() if '.running_' in name],
            op='mean')
        return losses


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """Train in bfloat16 where MMEngine's ``AmpOptimWrapper`` wants a GPU.

    Gradients need no loss scale: bfloat16 has the range of float32.
    """

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast, beside what the base class does."""
        with super().optim_context(model), torch.autocast(
                'cpu', torch.bfloat16), spared_operators(model):
            yield


@contextlib.contextmanager
def spared_operators(model: nn.Module, wanted: bool = True) -> Iterator[None]:
    """Keep autocast on a CPU away from mmcv's operators in detectors.

    They have no bfloat16 there. The largest parts without them, such as the
    backbone, the neck and the layers of each head, are under autocast and
    return float32; so losses, boxes and NMS are float32.

    Args:
        model (nn.Module): Any model; its detectors change for a while.
        wanted (bool): Whether to do this at all. Defaults to True.
    """
    detectors = [m for m in model.modules() if wanted and _is_detector(m)]
    in_bf16 = dict.fromkeys(detectors, False)
    in_bf16.update({part: True for m in detectors for part in _parts(m)})
    former = {module: vars(module).get('forward') for module in in_bf16}
    for module, enabled in in_bf16.items():
        module.forward = _under_autocast(module.forward, enabled)
    try:
        yield
    finally:
        for module, forward in former.items():
            del module.forward
            if forward is not None:
                module.forward = forward


def _is_detector(module: nn.Module) -> bool:
    packages = {x.__module__.split('.')[0] for x in type(module).__mro__}
    return (hasattr(module, 'extract_feat') and bool(packages & _DETECTORS)
            and next(module.parameters()).is_cpu)


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, (nn.ModuleList, nn.ModuleDict)) or any(
                type(m).__module__.startswith('mmcv.ops')
                for m in child.modules()):
            yield from _parts(child)
        elif any(True for _ in child.parameters()):
            yield child


def _under_autocast(forward: Callable, enabled: bool) -> Callable:

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast('cpu', torch.bfloat16, enabled):
            return tree_map_only(Tensor, lambda x: x.float(
            ) if x.dtype == torch.bfloat16 else x, forward(*args, **kwargs))

    return wrapped


def keep_freed_memory() -> None:
    """Let glibc keep what tensors on a CPU free for those that come next.

    By itself it asks the system for each map of more than 32 MiB, and the
    system clears it page by page, which takes up to half of a step at 800x1280
    pixels. Now the process gives none back before it ends. Does nothing where
    a GPU is used, glibc is not, or the environment has variables of glibc's
    for this, ``MALLOC_MMAP_...`` or ``MALLOC_TRIM_...``, or its tunables of
    these names.
    """
    tunables = os.environ.get('GLIBC_TUNABLES', '')
    chosen = 'malloc.mmap_' in tunables or 'malloc.trim_' in tunables or any(
        x.startswith(('MALLOC_MMAP_', 'MALLOC_TRIM_')) for x in os.environ)
    if chosen or os.name != 'posix' or get_device() != 'cpu':
        return
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)


def fit_amp_to_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Let mixed precision mean bfloat16 without a GPU, where it is faster."""
    wrapper = cfg.get('optim_wrapper') or {}
    if get_device() != 'cpu' or type_name(wrapper) != 'AmpOptimWrapper':
        return
    of_amp = ('type', 'loss_scale', 'dtype', 'use_fsdp')
    kept = {k: x for k, x in wrapper.items() if k not in of_amp}
    kind = 'CPUAmp' if takes_amp(say) else ''
    cfg.optim_wrapper = ConfigDict(type=f'{kind}OptimWrapper', **kept)


def takes_amp(say: Callable[[str], None],
              device: Optional[str] = None) -> bool:
    """Tell if a device computes in mixed precision: GPUs, and some CPUs.

    ``say`` is called with a line about what a CPU does. The device defaults to
    MMEngine's.
    """
    if torch.device(device or get_device()).type != 'cpu':
        return True
    is_fast = has_fast_bf16()
    say('No GPU in use: mixed precision is bfloat16.' if is_fast else
        'No GPU in use: float32, not mixed precision, since PyTorch '
        f'{torch.__version__} finds no fast bfloat16 on this CPU.')
    return is_fast


def join_processes_on_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Let processes that torchrun started work on a machine without a GPU.

    MMEngine's launcher and its default model wrapper would select a GPU.
    """
    if get_device() != 'cpu' or cfg.launcher != 'pytorch':
        return
    say('No GPU found: the processes run on the CPU and meet over gloo; '
        'SyncBN, where there is any, is BN of the images of each.')
    cfg.setdefault('model_wrapper_cfg', dict(
        type='CPUDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False)))
    if not torch.distributed.is_initialized():
        limit = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
        torch.distributed.init_process_group(
            'gloo', timeout=limit and timedelta(seconds=limit))
