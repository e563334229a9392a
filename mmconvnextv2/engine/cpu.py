"""Training on a machine without a GPU, by one process or by several."""
from datetime import timedelta
from typing import Any, Callable

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import all_reduce_params
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmconvnextv2.config.walk import type_name


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


def avoid_amp_on_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Train in float32, not in mixed precision, without a GPU."""
    wrapper = cfg.get('optim_wrapper') or {}
    if get_device() == 'cpu' and type_name(wrapper) == 'AmpOptimWrapper':
        say('No GPU found: training in float32, not in mixed precision.')
        of_amp = ('type', 'loss_scale', 'dtype', 'use_fsdp')
        kept = {k: x for k, x in wrapper.items() if k not in of_amp}
        cfg.optim_wrapper = ConfigDict(type='OptimWrapper', **kept)


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
