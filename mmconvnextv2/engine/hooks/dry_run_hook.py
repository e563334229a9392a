"""A step of training and of evaluation, tried before the first epoch."""
import contextlib
import copy
import logging
import time
from typing import Any, Iterator, List, Sequence, Tuple
from unittest.mock import patch

import torch
from mmengine.dist import get_world_size
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import (
    BaseLoop,
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    Runner,
    ValLoop,
)
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, IterableDataset

from mmconvnextv2.engine.batches import CountedBatches
from mmconvnextv2.engine.no_trace import no_trace
from mmconvnextv2.errors import doing, what_was_done
from mmconvnextv2.ops.compile import uncompiled
from mmconvnextv2.quiet import quietly
from mmconvnextv2.registry import HOOKS, register

_IMAGES = 2  # at most, of each split
_SECONDS = 2  # to look for the extremes of a data set
# Whose samplers take any images for a batch, besides AspectRatioBatchSampler.
_SAMPLERS = ('mmengine', 'torch')
# Metrics of these packages that compute on two images as on all of them.
_PACKAGES = ('mmdet', 'mmseg', 'mmpretrain', 'mmconvnextv2')
_METRICS = ('Accuracy', 'SingleLabelMetric', 'MultiLabelMetric', 'IoUMetric',
            'CocoMetric', 'CocoByNameMetric')


@register(HOOKS)
class DryRunHook(Hook):
    """Train and evaluate on two images before the first epoch.

    What would fail in the first step, or in the metrics after an epoch, fails
    at once. The images are the smallest and the one with the fewest objects,
    as far as the annotations tell. Nothing is learned, and nothing else
    changes: neither random draws nor running statistics, figures, logs or
    files. Left out is what two images may not do for: models with a
    ``train_step`` of their own, loops, samplers and evaluators that are not
    the usual ones, streams of data, and other metrics than mmpretrain's of
    accuracy, ``IoUMetric`` and ``CocoMetric``.

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
                    if isinstance(loop, ValLoop):
                        self._evaluate(loop)
                    else:
                        self._train(loop)
        except Exception as error:
            runner.logger.error(
                f'Failed while {what_was_done(error)}. To begin without the '
                'dry run: default_hooks.dry_run.enabled=False')
            raise

    def _train(self, loop: BaseLoop) -> None:
        model = loop.runner.model
        if isinstance(model, DistributedDataParallel):
            model = model.module
        kept = getattr(type(model), 'train_step', 0) is BaseModel.train_step
        if is_model_wrapper(model) or not kept:
            return
        model.train()
        batch, _ = next(_batches(loop.dataloader, 'train'))
        with _named('running a train step', batch), \
                loop.runner.optim_wrapper.optim_context(model):
            data = model.data_preprocessor(batch, True)
            model.parse_losses(model._run_forward(data, mode='loss'))

    def _evaluate(self, loop: ValLoop) -> None:
        loop.runner.model.eval()
        end = time.monotonic() + self.seconds
        evaluator = copy.copy(loop.evaluator)
        evaluator.metrics = [_for_few(x) for x in loop.evaluator.metrics
                             if _is_known(x)]
        done: List[Any] = []
        number = 0
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


def _is_usual(loop: Any) -> bool:
    """Say if a loop takes batches of any images, and evaluates as usual."""
    if type(loop) not in (EpochBasedTrainLoop, IterBasedTrainLoop, ValLoop):
        return False
    loader = loop.dataloader
    batches = getattr(loader, 'batch_sampler', None)
    if isinstance(batches, CountedBatches):
        batches = batches.batch_sampler
    samplers = loader.sampler, batches, getattr(batches, 'sampler', None)
    return (isinstance(loader, DataLoader)
            and not isinstance(loader.dataset, IterableDataset)
            and type(getattr(loop, 'evaluator', None)) in (
                Evaluator, type(None))
            and all(type(x).__module__.split('.')[0] in _SAMPLERS
                    or type(x).__name__ == 'AspectRatioBatchSampler'
                    for x in samplers))


def _is_known(metric: Any) -> bool:
    return (type(metric).__name__ in _METRICS
            and type(metric).__module__.split('.')[0] in _PACKAGES
            and not getattr(metric, 'format_only', False)
            # Its lists of boxes must be of one length.
            and 'proposal_fast' not in getattr(metric, 'metrics', ()))


def _for_few(metric: Any) -> Any:
    """Copy a metric, without results and without the files that it writes."""
    metric = copy.copy(metric)
    metric.results = []
    for name in ('outfile_prefix', 'output_dir'):
        if hasattr(metric, name):
            setattr(metric, name, None)
    return metric


def _batches(loader: DataLoader, split: str) -> Iterator[Tuple[Any, int]]:
    """Yield batches of the extremes of a data set, and their sizes.

    Where a run reads in processes of workers, so does this: files that a data
    set opens in the main process would be shared by all of them.
    """
    size = min(getattr(loader.batch_sampler, 'batch_size', None) or _IMAGES,
               _IMAGES)
    indices = _extremes(loader.dataset)
    groups = [indices[x:x + size] for x in range(0, len(indices), size)]
    # SeedHook's batches have numbers.
    numbered = isinstance(loader.batch_sampler, CountedBatches) and \
        loader.batch_sampler.numbers
    few = DataLoader(
        loader.dataset,
        batch_sampler=[(0, x) for x in groups] if numbered else groups,
        collate_fn=loader.collate_fn,
        num_workers=min(loader.num_workers, 1),
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        timeout=loader.timeout)
    with _named(f'reading {split}_dataloader', None):
        batches = iter(few)
    for group in groups:
        with _named(f'reading {split}_dataloader', None):
            batch = next(batches)
        yield batch, len(group)


def _extremes(dataset: Dataset) -> List[int]:
    """Find the smallest image and the one with the fewest objects."""
    least, end = {}, time.monotonic() + _SECONDS
    # Data sets of others may know nothing of it, or mean something else.
    with contextlib.suppress(Exception):
        for index in range(len(dataset)):
            if time.monotonic() > end:
                break
            info = dataset.get_data_info(index)
            side = min(info.get('height', 0), info.get('width', 0))
            for key, value in (('side', side),
                               ('objects', len(info.get('instances', ())))):
                least[key] = min(least.get(key, (value, index)),
                                 (value, index))
    first = [x[1] for x in least.values()]
    return list(dict.fromkeys(
        [*first, *range(len(dataset))[:_IMAGES]]))[:_IMAGES]


def _samples(batch: Any) -> Sequence[Any]:
    return (batch.get('data_samples') or ()) if isinstance(batch, dict) else ()


@contextlib.contextmanager
def _named(action: str, batch: Any) -> Iterator[None]:
    """Let an error say that it came in the dry run, and of which images."""
    names = [x.img_path for x in _samples(batch) if hasattr(x, 'img_path')]
    of = f' of {", ".join(names)}' if names else ''
    try:
        with doing(action):
            yield
    except Exception as error:
        error.doing = (f'{what_was_done(error)} in the dry run{of} before the '
                       'first epoch; no training is lost')
        raise
