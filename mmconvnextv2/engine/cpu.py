"""What MMEngine's runner needs to be told on a machine without a GPU."""
from typing import Any, Callable

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device


def avoid_amp_on_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Train in float32 where MMEngine's mixed precision has no GPU to use.

    Changes ``cfg`` in place.
    """
    optim_wrapper = cfg.get('optim_wrapper') or {}
    if get_device() != 'cpu' or optim_wrapper.get('type') != 'AmpOptimWrapper':
        return
    say('No GPU found: training in float32, not in mixed precision.')
    kept = {
        key: value
        for key, value in optim_wrapper.items()
        if key not in ('type', 'loss_scale', 'dtype', 'use_fsdp')
    }
    cfg.optim_wrapper = ConfigDict(type='OptimWrapper', **kept)


def join_processes_on_cpu(cfg: Config, say: Callable[[str], None]) -> None:
    """Let processes that torchrun started work on a machine without a GPU.

    MMEngine's launcher and its default model wrapper select a CUDA device in
    any case. So the processes meet here, over gloo, and the wrapper is named.
    SyncBN, which PyTorch has for GPUs only, becomes BN, as it does in MMEngine
    where there is one process; its running statistics are averaged. Changes
    ``cfg`` in place.
    """
    if get_device() != 'cpu' or cfg.launcher != 'pytorch':
        return
    say('No GPU found: the processes run on the CPU and meet over gloo.')
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))
    cfg.setdefault('model_wrapper_cfg', wrapper)
    if _replace_sync_bn(cfg.model) + bool(cfg.pop('sync_bn', None)):
        say('No GPU found: BN in the place of SyncBN, so each process takes '
            'the statistics of its own images; the running ones are averaged.')
        cfg.custom_hooks = [
            *(cfg.get('custom_hooks') or []),
            dict(type='mmconvnextv2.AverageBuffersHook')
        ]
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')


def _replace_sync_bn(part: Any) -> int:
    """Rename SyncBN wherever it is a type; returns how often it was."""
    if isinstance(part, (list, tuple)):
        return sum(map(_replace_sync_bn, part))
    if not isinstance(part, dict):
        return 0
    count = sum(map(_replace_sync_bn, list(part.values())))
    if part.get('type') in ('SyncBN', 'MMSyncBN'):
        part['type'] = 'BN'
        count += 1
    return count
