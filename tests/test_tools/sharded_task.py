"""Small tasks for FSDP, of the shapes data set, and runs of them."""
import errno
import logging
import os
import signal
from pathlib import Path
from typing import Callable, List, Optional, Tuple

import mmpretrain.models  # noqa: F401  Here, once, and not in each process.
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from processes import run_processes
from run_results import load

import mmconvnextv2.models.selfsup  # noqa: F401

_ARCH = '''dict(
    _delete_=True,
    type='mmconvnextv2.ConvNeXtV2',
    drop_path_rate=0.2,
    arch=dict(depths=[1, 1, 2, 1], channels=[8, 16, 24, 32]),
    {more})'''
_COMMON = '''
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False)
train_cfg = dict(max_epochs=2, val_interval=1)
param_scheduler = [dict(type='PolyLR', by_epoch=False, end=8)]
randomness = dict(seed=0)
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(interval=1, save_best=None),
    seeding=dict(enabled=True))
'''
_FCMAE = '''
_base_ = ['{configs}/fcmae_convnextv2_a_shapes.py'{strategy}]
model = dict(
    backbone={backbone},
    neck=dict(in_channels=32, decoder_channels=16))
optim_wrapper = dict(clip_grad=None)
custom_hooks = [dict(type='mmconvnextv2.ReconstructionHook', interval=1)]
'''
# Layer decay, accumulation, EMA, evaluation of it.
_CLASSIFIER = '''
_base_ = ['{configs}/convnextv2_a_ft_shapes.py'{strategy}]
model = dict(backbone={backbone}, head=dict(in_channels=32))
custom_hooks = [
    dict(type='EMAHook', momentum=0.1, interval=2)]
optim_wrapper = dict(
    accumulative_counts=2,
    clip_grad=None,
    constructor='mmconvnextv2.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(_delete_=True, decay_rate=0.7))
val_dataloader = dict(
    batch_size=3, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
'''


# With flips, sampled boxes and dropped paths, other in each process; the
# evaluation gathers what both have found.
_DETECTOR = '''
_base_ = ['{configs}/maskrcnn_convnextv2_a_shapes.py'{strategy}]
custom_imports = dict(imports=['mmconvnextv2', 'parallel_detector'])
model = dict(
    type='SeeingMaskRCNN',
    backbone=dict(
        drop_path_rate=0.2,
        arch=dict(
            _delete_=True, depths=[1, 1, 2, 1], channels=[8, 8, 16, 24])),
    neck=dict(in_channels=[8, 16, 24]),
    roi_head=dict(bbox_head=dict(fc_out_channels=32)),
    train_cfg=dict(rcnn=dict(sampler=dict(num=16))))
val_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False)
'''


@HOOKS.register_module(force=True)
class Disturb(Hook):
    """Make a weight NaN, or get a signal, before an iteration.

    Args:
        at (int): The iteration, from 1.
        weight (str, optional): The weight; only who holds it knows.
        fails (bool): Whether to raise an error instead.
        signal (str): Name of the signal. Defaults to 'SIGTERM'.
    """

    def __init__(self, at: int, weight: Optional[str] = None,
                 fails: bool = False, signal: str = 'SIGTERM') -> None:
        self.at, self.fails, self.signal = at, fails, signal
        self.weight = weight

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Do it."""
        if runner.iter + 1 != self.at:
            return
        if self.fails:
            raise OSError(errno.EIO, 'gone', 'a_file')
        if self.weight is None and get_rank() == 1:
            os.kill(os.getpid(), getattr(signal, self.signal))
        for name, shard in runner.model.named_parameters():
            if name == self.weight and get_rank() == 0:
                shard.to_local().data[:1] = float('nan')


def write_task(folder: Path, configs: Path, kind: str, sharded: bool,
               more: str = '') -> str:
    """Write the config; returns its name."""
    text = dict(fcmae=_FCMAE, classifier=_CLASSIFIER,
                detector=_DETECTOR)[kind].format(
        configs=configs,
        strategy=f", '{configs}/_base_/strategies/fsdp.py'" * sharded,
        backbone=_ARCH.format(
            more='final_norm=False' if kind == 'fcmae' else ''))
    name = f"{kind}_{'sharded' if sharded else 'parallel'}.py"
    (folder / name).write_text(text + _COMMON + more)
    return name


def train(main: Callable[[List[str]], int],
          folder: Path,
          config: str,
          work_dir: str,
          *options: str,
          code: int = 0,
          dtype: torch.dtype = torch.float64) -> Tuple[str, str]:
    """Train in two processes; returns their outputs.

    Args:
        main (Callable): Of train.py.
        folder (Path): The present folder.
        config (str): The config.
        work_dir (str): The folder of the run.
        *options (str): Other arguments of train.py.
        code (int): With which it ends in both. Defaults to 0.
        dtype (torch.dtype): Type of parameters. Defaults to float64.
    """

    def work(rank: int) -> None:
        torch.set_default_dtype(dtype)
        logging.disable(logging.NOTSET)
        try:
            found = main([
                config, '--launcher', 'pytorch', '--work-dir', work_dir,
                *options
            ])
        except SystemExit as stopped:
            found = stopped.code
        assert found == code, found

    run_processes(work, folder)
    return tuple((folder / f'rank_{i}.txt').read_text() for i in range(2))


def difference(first: str, second: str, parts: List[str]) -> float:
    """Largest difference of the tensors in two checkpoints.

    Names and everything that is no tensor have to be equal.
    """
    largest = 0.
    for part in parts:
        left, right = (dict(_flat(load(x)[part])) for x in (first, second))
        assert left.keys() == right.keys() and left, part
        for key, value in left.items():
            other = right[key]
            if not isinstance(value, torch.Tensor):
                assert value == other, key
                continue
            assert (value.shape, value.dtype) == (other.shape,
                                                  other.dtype), key
            largest = max(largest, (value.double() -
                                    other.double()).abs().max().item())
    return largest


def _flat(node, path=()):
    if isinstance(node, dict):
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        yield path, node
        return
    for key, value in items:
        yield from _flat(value, (*path, key))
