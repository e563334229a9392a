"""Training on a machine without a GPU, by one process or by several."""
import contextlib
from datetime import timedelta
from typing import Any, Callable, Iterator, Optional

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import all_reduce_params
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS, OPTIM_WRAPPERS
from torch import nn

from mmconvnextv2.config.walk import type_name
from mmconvnextv2.ops.linear import has_fast_bf16

_DETECTORS = ('mmdet', 'mmdet3d', 'mmrotate', 'mmtrack', 'mmyolo')


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
                'cpu', torch.bfloat16):
            yield


def fit_amp_to_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Let mixed precision mean bfloat16 without a GPU, where it is faster."""
    wrapper = cfg.get('optim_wrapper') or {}
    if get_device() != 'cpu' or type_name(wrapper) != 'AmpOptimWrapper':
        return
    of_amp = ('type', 'loss_scale', 'dtype', 'use_fsdp')
    kept = {k: x for k, x in wrapper.items() if k not in of_amp}
    kind = 'CPUAmp' if takes_amp(cfg, say) else ''
    cfg.optim_wrapper = ConfigDict(type=f'{kind}OptimWrapper', **kept)


def takes_amp(cfg: Config, say: Callable[[str], None],
              device: Optional[str] = None) -> bool:
    """Tell if a device computes in mixed precision: GPUs, and some CPUs.

    Args:
        cfg (Config): The config. Detectors stay in float32 on a CPU: mmcv's
            RoIAlign and NMS have no bfloat16 there.
        say (callable): Called with a line about what a CPU does.
        device (str, optional): The device. Defaults to None, MMEngine's.
    """
    if torch.device(device or get_device()).type != 'cpu':
        return True
    reason = None
    if cfg.get('default_scope') in _DETECTORS:
        reason = "mmcv's operators have no bfloat16 on a CPU"
    elif not has_fast_bf16():
        reason = (f'PyTorch {torch.__version__} finds no fast bfloat16 on '
                  'this CPU')
    say(f'No GPU in use: float32, not mixed precision, since {reason}.'
        if reason else 'No GPU in use: mixed precision is bfloat16.')
    return reason is None


def join_processes_on_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Let processes that torchrun started work on a machine without a GPU.

    MMEngine's launcher and its default model wrapper select a CUDA device in
    any case. So the processes meet here, and the wrapper is named.
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
