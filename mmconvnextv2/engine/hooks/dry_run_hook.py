"""A step of training and of evaluation, tried before the first epoch."""
import contextlib
import copy
import logging
import random
import time
from types import SimpleNamespace
from typing import Any, Iterator, List, Sequence, Tuple
from unittest.mock import patch

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader, Dataset

from mmconvnextv2.datasets.guards import Guard, datasets_in, steps_in
from mmconvnextv2.errors import doing, what_was_done
from mmconvnextv2.ops.compile import uncompiled
from mmconvnextv2.quiet import quietly
from mmconvnextv2.registry import HOOKS, register

_IMAGES = 2  # at most, of each split
_SECONDS = 2  # to look for the extremes of a data set


@register(HOOKS)
class DryRunHook(Hook):
    """Train and evaluate on two images before the first epoch.

    What would fail in the first step, or in the metrics after an epoch, fails
    at once. The images are the smallest and the one with the fewest objects,
    as far as the annotations tell. Nothing is learned, and nothing else
    changes: neither random draws nor running statistics, figures or logs.
    Models with a ``train_step`` of their own are only evaluated.

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
            with _no_trace(runner), torch.no_grad(), uncompiled(), \
                    quietly(logging.ERROR), patch.object(
                        runner, 'call_hook', lambda *args, **kwargs: None):
                self._train(runner)
                if isinstance(runner._val_loop, BaseLoop):
                    self._evaluate(runner._val_loop)
        except Exception as error:
            runner.logger.error(
                f'Failed while {what_was_done(error)}. To begin without the '
                'dry run: default_hooks.dry_run.enabled=False')
            raise

    def _train(self, runner: Runner) -> None:
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        if getattr(type(model), 'train_step', 0) is not BaseModel.train_step:
            return
        model.train()
        batch, _ = next(_batches(runner.train_dataloader, 'train'))
        with _named('running a train step', batch), \
                runner.optim_wrapper.optim_context(model):
            data = model.data_preprocessor(batch, True)
            model.parse_losses(model._run_forward(data, mode='loss'))

    def _evaluate(self, loop: BaseLoop) -> None:
        loop.runner.model.eval()
        end = time.monotonic() + self.seconds
        # The metrics' own results stay out of it.
        evaluator = copy.copy(loop.evaluator)
        evaluator.metrics = [copy.copy(x) for x in evaluator.metrics]
        for metric in evaluator.metrics:
            metric.results = []
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


@contextlib.contextmanager
def _no_trace(runner: Runner) -> Iterator[None]:
    """Put back what a step changes."""
    draws = random.getstate(), np.random.get_state(), torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() \
        if torch.cuda.is_initialized() else []
    modules = [(x, x.training) for x in runner.model.modules()]
    buffers = [(x, x.clone()) for x in runner.model.buffers()]
    loops = [x for x in (runner.train_loop, runner._val_loop)
             if isinstance(x, BaseLoop)]
    with contextlib.ExitStack() as stack:
        for loop in loops:
            for dataset in datasets_in(loop.dataloader.dataset):
                if hasattr(dataset, 'pipeline'):
                    stack.enter_context(patch.object(
                        dataset, 'pipeline', _copied(dataset.pipeline)))
        try:
            yield
        finally:
            for setter, state in zip(
                    (random.setstate, np.random.set_state,
                     torch.set_rng_state), draws):
                setter(state)
            if devices:
                torch.cuda.set_rng_state_all(devices)
            for module, mode in modules:
                module.training = mode
            for buffer, value in buffers:
                buffer.copy_(value)


def _copied(pipeline: Any) -> Any:
    """Copy a pipeline, whose steps may keep images; damage is not counted."""
    guards = [getattr(x, 'transform', None) for x in steps_in(pipeline)]
    silent = SimpleNamespace(note=lambda file, reason: None, path='')
    memo = {id(x.log): silent for x in guards
            if isinstance(x, Guard) and x.log is not None}
    try:
        return copy.deepcopy(pipeline, memo)
    except Exception:  # It holds a file or a connection.
        return pipeline


def _batches(loader: DataLoader, split: str) -> Iterator[Tuple[Any, int]]:
    """Yield batches of the extremes of a data set, and their sizes."""
    size = min(getattr(loader, 'batch_size', None) or _IMAGES, _IMAGES)
    indices = _extremes(loader.dataset)
    for start in range(0, len(indices), size):
        with _named(f'reading {split}_dataloader', None):
            items = [loader.dataset[x] for x in indices[start:start + size]]
            batch = loader.collate_fn(items)
        yield batch, len(items)


def _extremes(dataset: Dataset) -> List[int]:
    """Find the smallest image and the one with the fewest objects."""
    least, end = {}, time.monotonic() + _SECONDS
    for index in range(len(dataset)):
        if time.monotonic() > end or not hasattr(dataset, 'get_data_info'):
            break
        info = dataset.get_data_info(index)
        side = min(info.get('height', 0), info.get('width', 0))
        for key, value in (('side', side),
                           ('objects', len(info.get('instances', ())))):
            least[key] = min(least.get(key, (value, index)), (value, index))
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
