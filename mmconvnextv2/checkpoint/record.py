"""Check what a checkpoint says about the run that it is of."""
import math
from itertools import count
from numbers import Integral, Real
from typing import Any, Mapping

from torch import Tensor
from torch.optim import Optimizer

from .errors import CheckpointError

_MOST = 2**53  # no run has as many iterations
# Moments, which have the shape of their parameter.
_MOMENTS = ('exp_avg', 'exp_avg_sq', 'momentum_buffer')


def _require(value: Any, kind: Any, part: str, words: str = 'a dict') -> None:
    if not isinstance(value, kind):
        raise CheckpointError(f'its {part} must be {words}, found '
                              f'{type(value).__name__}')


def check_record(checkpoint: Mapping) -> None:
    """Check the counts and the kinds of the parts of a run's checkpoint.

    Args:
        checkpoint (Mapping): What ``Runner.save_checkpoint`` writes.

    Raises:
        CheckpointError: If a part is not of its kind or a count out of range.
    """
    meta, hub = checkpoint['meta'], checkpoint['message_hub']
    _require(meta, Mapping, 'meta')
    for name in ('epoch', 'iter'):
        count = meta.get(name)
        _require(count, Integral, f'meta.{name}', 'a whole number')
        if not 0 <= count < _MOST:
            raise CheckpointError(f'its meta.{name} must lie between 0 and '
                                  f'{_MOST}, got {str(count)[:40]}')
    _require(hub, Mapping, 'message_hub')
    for name in ('log_scalars', 'runtime_info', 'resumed_keys'):
        _require(hub.get(name), Mapping, f'message_hub.{name}')
    for name, value in hub['runtime_info'].items():
        _require(name, str, 'names in message_hub.runtime_info', 'text')
        if name.startswith('best_score'):
            _require(value, Real, f'message_hub.runtime_info.{name}',
                     'a number')
    _check_batches(hub['runtime_info'].get('batches_done'))
    _require(checkpoint.get('param_schedulers', []), (list, Mapping),
             'param_schedulers', 'a list')
    optimizer = checkpoint.get('optimizer', {})
    _require(optimizer, Mapping, 'optimizer')
    several = 'param_groups' not in optimizer
    for part in optimizer.values() if several else [optimizer]:
        _require(part, Mapping, 'optimizer')
        _require(part.get('state'), Mapping, 'optimizer.state')
        _require(part.get('param_groups'), list, 'optimizer.param_groups',
                 'a list')


def _check_batches(within: Any) -> None:
    """Check how far a run was stopped within an epoch."""
    if within is None:
        return
    _require(within, Mapping, 'batches_done')
    for name in ('done', 'of'):
        _require(within.get(name), Integral, f'batches_done.{name}',
                 'a whole number')
    if not 0 <= within['done'] <= within['of']:
        raise CheckpointError(f"its batches_done are {within['done']} of "
                              f"{within['of']}")


def check_kinds(found: Any, ours: Any, part: str) -> None:
    """Check that settings are of the kinds of those that they replace.

    Args:
        found (Any): Of the checkpoint.
        ours (Any): Of the config. Names that are not in both and what is
            None here are passed over.
        part (str): What they are.

    Raises:
        CheckpointError: If one is of another kind, or no finite number.
    """
    if isinstance(ours, Mapping):
        _require(found, Mapping, part)
        pairs = [(x, found[x], ours[x]) for x in ours
                 if x in found and x not in ('params', 'state')]
    elif isinstance(ours, (list, tuple)):
        _require(found, (list, tuple), part, 'a list')
        if isinstance(ours, tuple) and len(found) != len(ours):
            raise CheckpointError(f'its {part} must have {len(ours)} values, '
                                  f'found {len(found)}')
        pairs = zip(count(), found, ours)
    elif isinstance(ours, (Real, Tensor)) and not (
            found is None and (isinstance(ours, bool)
                               or part.startswith('param_schedulers'))):
        _require(found, (Real, Tensor), part, 'a number')
        if math.isfinite(ours) and not math.isfinite(found):
            raise CheckpointError(f'its {part} is {found}')
        return
    else:
        return
    for name, *values in pairs:
        check_kinds(*values, f'{part}.{name}')


def check_optimizer(optimizer: Optimizer) -> None:
    """Check the moments that an optimizer has taken from a checkpoint.

    Raises:
        CheckpointError: If one has another shape than its parameter or a NaN.
    """
    for group in optimizer.param_groups:
        for param in group['params']:
            for name in _MOMENTS:
                value = optimizer.state.get(param, {}).get(name)
                if value is None:
                    continue
                _require(value, Tensor, f"optimizer's {name}", 'tensors')
                if value.shape != param.shape or value.isnan().any():
                    raise CheckpointError(
                        f"its optimizer's {name} of a parameter "
                        f'{tuple(param.shape)} is {tuple(value.shape)}'
                        f'{", with a NaN" * bool(value.isnan().any())}')
