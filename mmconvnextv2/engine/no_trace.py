"""What a step of a run changes, put back as it was."""
import contextlib
import copy
import random
from types import SimpleNamespace
from typing import Any, Iterable, Iterator
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from mmconvnextv2.datasets.guards import Guard, datasets_in, steps_in


@contextlib.contextmanager
def no_trace(model: nn.Module, datasets: Iterable[Dataset]) -> Iterator[None]:
    """Put back what steps of training and evaluation change inside.

    That is random generators, buffers, numbers and lists that are attributes
    of the model's modules, and what transforms of the data sets keep.
    """
    draws = random.getstate(), np.random.get_state(), torch.get_rng_state()
    devices = torch.cuda.get_rng_state_all() \
        if torch.cuda.is_initialized() else []
    # Modes, counters and histories; and buffers, which may be replaced.
    modules = [vars(x) for x in model.modules()]
    states = [(x, key, value, copy.copy(value)) for x in modules
              for key, value in x.items()
              if isinstance(value, (bool, int, float, list))]
    buffers = [(x['_buffers'], key, value, value.clone()) for x in modules
               for key, value in x['_buffers'].items() if value is not None]
    with contextlib.ExitStack() as stack:
        for dataset in (y for x in datasets for y in datasets_in(x)):
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
            for owner, key, value, before in states:
                if isinstance(value, list):
                    value[:] = before
                owner[key] = value
            for owner, key, value, before in buffers:
                owner[key] = value.copy_(before)


def _ignore(file: str, reason: str) -> None:
    """Take the place of ``DamageLog.note``, also in other processes."""


def _copied(pipeline: Any) -> Any:
    """Copy a pipeline, whose steps may keep images; damage is not counted."""
    guards = [getattr(x, 'transform', None) for x in steps_in(pipeline)]
    silent = SimpleNamespace(note=_ignore, path='')
    memo = {id(x.log): silent for x in guards
            if isinstance(x, Guard) and x.log is not None}
    try:
        return copy.deepcopy(pipeline, memo)
    except Exception:  # It holds a file or a connection.
        return pipeline
