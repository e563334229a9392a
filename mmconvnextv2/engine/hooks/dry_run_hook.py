"""A step of training and of evaluation, tried before the first epoch."""
import contextlib
import copy
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner, ValLoop
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, IterableDataset

from mmconvnextv2.engine.no_trace import no_trace
from mmconvnextv2.errors import doing, what_was_done
from mmconvnextv2.ops.compile import uncompiled
from mmconvnextv2.quiet import quietly
from mmconvnextv2.registry import HOOKS, register

_IMAGES = 2  # at most, of each split
_SECONDS = 2  # to look for the extremes of a data set
# Packages whose loaders and samplers take any images for a batch; and mmdet's.
_SAMPLERS = ('mmengine', 'torch', 'AspectRatioBatchSampler')
# Metrics that fail on two images only if they fail on all, too.
_METRICS = ('Accuracy', 'SingleLabelMetric', 'MultiLabelMetric', 'IoUMetric',
            'CocoMetric', 'CocoByNameMetric')


@register(HOOKS)
class DryRunHook(Hook):
    """Train and evaluate on two images before the first epoch.

    What would fail in the first step, or in the metrics after an epoch, fails
    at once. The images are the smallest and the one with the fewest objects,
    as far as the annotations tell. Nothing is learned, and nothing else
    changes: neither random draws nor running statistics, figures, logs or
    files; hooks are not called. Left out is what two images may not do for:
    models with a ``train_step`` of their own, loops, samplers and evaluators
    that are not the usual ones, streams of data, and other metrics than
    mmpretrain's of accuracy, ``IoUMetric`` and ``CocoMetric``.

    Args:
        enabled (bool): Whether to. Defaults to True.
        seconds (float): After that long no further image is evaluated, where
            there is one process. Defaults to 10.
    """

    # After hooks that check or prepare what the first epoch uses.
    priority = 'VERY_LOW'

    def __init__(self, enabled: bool = True, seconds: float = 10) -> None:
        self.enabled, self.seconds = enabled, seconds

    def before_train_epoch(self, runner: Runner) -> None:
        """Try both, the first time; an error names the images."""
        if not self.enabled:
            return
        self.enabled = False
        try:
            loops = [x for x in (runner.train_loop, runner._val_loop)
                     if _is_usual(x)]
            data = [x.dataloader.dataset for x in loops]
            with no_trace(runner.model, data), torch.no_grad(), uncompiled(), \
                    quietly(logging.ERROR), patch.object(
                        runner, 'call_hook', lambda *args, **kwargs: None):
                for loop in loops:
                    (self._evaluate if isinstance(loop, ValLoop) else
                     _train)(loop)
        except Exception as error:
            runner.logger.error(
                f'Failed while {what_was_done(error)}. To begin without the '
                'dry run: default_hooks.dry_run.enabled=False')
            raise

    def _evaluate(self, loop: ValLoop) -> None:
        loop.runner.model.eval()
        end = time.monotonic() + self.seconds
        evaluator = copy.copy(loop.evaluator)
        evaluator.metrics = [copy.copy(x) for x in evaluator.metrics
                             if type(x).__name__ in _METRICS]
        for metric in evaluator.metrics:  # They write no files.
            vars(metric).update(results=[], **dict.fromkeys(
                {'outfile_prefix', 'output_dir'}.intersection(dir(metric))))
        done, number = [], 0
        with patch.object(loop, 'evaluator', evaluator):
            for batch, size in _batches(loop.dataloader, 'val'):
                with _named('running a val step', batch):
                    loop.run_iter(0, batch)
                done += _samples(batch)
                number += size
                if time.monotonic() > end and get_world_size() == 1:
                    break
        ids = [x.img_id for x in done if hasattr(x, 'img_id')]
        for metric in evaluator.metrics:
            if ids and hasattr(metric, 'img_ids'):  # COCO's: not all images.
                metric.img_ids = ids
        with _named('running val_evaluator', dict(data_samples=done)):
            evaluator.evaluate(number * get_world_size())


def _train(loop: BaseLoop) -> None:
    model = loop.runner.model
    if isinstance(model, DistributedDataParallel):
        model = model.module
    kept = getattr(type(model), 'train_step', 0) is BaseModel.train_step
    if is_model_wrapper(model) or not kept:
        return
    model.train()
    batch, _ = next(_batches(loop.dataloader, 'train'))
    context = loop.runner.optim_wrapper.optim_context(model)
    with _named('running a train step', batch), context:
        data = model.data_preprocessor(batch, True)
        model.parse_losses(model._run_forward(data, mode='loss'))


def _is_usual(loop: Any) -> bool:
    """Say if a loop takes batches of any images, and evaluates as usual."""
    if type(loop).__module__ != ValLoop.__module__:
        return False
    loader = loop.dataloader
    batches = getattr(loader, 'batch_sampler', None)
    batches = getattr(batches, 'batch_sampler', batches)  # CountedBatches'
    drawing = loader, loader.sampler, batches, getattr(batches, 'sampler', 0)
    return (type(getattr(loop, 'evaluator', None)) in (Evaluator, type(None))
            and not isinstance(loader.dataset, IterableDataset)
            and all({type(x).__module__.split('.')[0], type(x).__name__
                     }.intersection(_SAMPLERS) for x in drawing if x))


def _batches(loader: DataLoader, split: str) -> Iterator[tuple[Any, int]]:
    """Yield batches of the extremes of a data set, and their sizes.

    Where a run reads in workers, so does this: they would share files that a
    data set opens in the main process.
    """
    size = getattr(loader.batch_sampler, 'batch_size', None) or _IMAGES
    size, indices = min(size, _IMAGES), _extremes(loader.dataset)
    groups = [indices[x:x + size] for x in range(0, len(indices), size)]
    # SeedHook's batches have numbers.
    numbered = getattr(loader.batch_sampler, 'numbers', None)
    few = DataLoader(
        loader.dataset,
        batch_sampler=[(0, x) for x in groups] if numbered else groups,
        num_workers=min(loader.num_workers, 1),
        **{x: getattr(loader, x) for x in (
            'collate_fn', 'worker_init_fn', 'multiprocessing_context',
            'timeout')})
    batches = None
    for group in groups:
        with _named(f'reading {split}_dataloader', None):
            batches = batches or iter(few)
            batch = next(batches)
        yield batch, len(group)


def _extremes(dataset: Dataset) -> list[int]:
    """Find the smallest image and the one with the fewest objects."""
    seen, end = [], time.monotonic() + _SECONDS
    # Data sets of others may know nothing of it, or mean something else.
    with contextlib.suppress(Exception):
        for index in range(len(dataset)):
            if time.monotonic() > end:
                break
            info = dataset.get_data_info(index)
            seen.append((min(info.get('height', 0), info.get('width', 0)),
                         len(info.get('instances', ())), index))
    first = [min(seen, key=lambda x: x[k])[2] for k in (0, 1) if seen]
    first += range(len(dataset))[:_IMAGES]
    return list(dict.fromkeys(first))[:_IMAGES]


def _samples(batch: Any) -> Sequence[Any]:
    return isinstance(batch, dict) and batch.get('data_samples') or ()


@contextlib.contextmanager
def _named(action: str, batch: Any) -> Iterator[None]:
    """Let an error say that it came in the dry run, and of which images."""
    names = [x.img_path for x in _samples(batch) if hasattr(x, 'img_path')]
    of = names and f' of {", ".join(names)}' or ''
    try:
        with doing(action):
            yield
    except Exception as error:
        error.doing = (f'{what_was_done(error)} in the dry run{of} before the '
                       'first epoch; no training is lost')
        raise
