"""Stop, or skip a step, when the loss is not finite."""
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.checkpoint import get_device_states, set_device_states

from mmconvnextv2.engine.non_finite import (
    any_not_finite,
    locate,
    names_of_bad,
    tensors_in,
)
from mmconvnextv2.engine.sharding import whole_model
from mmconvnextv2.registry import HOOKS, register
from mmconvnextv2.text import first_of

_ADVICE = (
    'What to try: look at these images and their annotations; a lower '
    'learning rate or a longer warm-up; optim_wrapper.clip_grad; bfloat16 or '
    'float32 instead of float16 (optim_wrapper.dtype). To skip up to N such '
    'steps: default_hooks.non_finite.max_skips=N.')


class NonFiniteError(RuntimeError):
    """The loss or a gradient is infinite or NaN."""


@register(HOOKS)
class NonFiniteHook(Hook):
    """Stop, or skip a step, when the loss or a gradient is not finite.

    Gradients are checked before each update. To name the module where the
    first bad value appears, the step is run again with the same draws. The
    check waits for the device, as MMEngine does for each loss anyway.

    Gradients alone that overflow are no fault where the loss is scaled: the
    scaler skips such steps and lowers its scale.

    Args:
        max_skips (int): Steps to leave out, with a warning, in the whole run;
            the next one stops it. Defaults to 0.

    Raises:
        ValueError: If ``max_skips`` is negative.
    """

    priority = 'VERY_HIGH'

    def __init__(self, max_skips: int = 0) -> None:
        if max_skips < 0:
            raise ValueError(
                f'NonFiniteHook: max_skips must be >= 0, got {max_skips}')
        self.max_skips = max_skips
        self.skipped = 0

    def before_train(self, runner: Runner) -> None:
        """Watch the forward pass and the optimizer."""
        self._runner = runner
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        model.register_forward_pre_hook(self._keep, with_kwargs=True)
        wrapper = runner.optim_wrapper  # an OptimWrapperDict has several
        for x in getattr(wrapper, 'optim_wrappers', {'': wrapper}).values():
            x.optimizer.register_step_pre_hook(self._before_update)

    def before_train_iter(self, runner: Runner, data_batch: Any,
                          **kwargs: Any) -> None:
        """Begin a step."""
        self._batch, self._forward, self._update = data_batch, None, 'none'

    def _keep(self, model: Any, args: tuple, kwargs: dict) -> None:
        if kwargs.get('mode') == 'loss':
            self._forward = args, kwargs
            self._draws = (torch.get_rng_state(),
                           *get_device_states(*tensors_in([args, kwargs])))

    def _before_update(self, optimizer: Optimizer, *args: Any) -> None:
        self._update = 'made'
        grads = [x.grad for group in optimizer.param_groups
                 for x in group['params'] if x.grad is not None]
        if _anywhere(any_not_finite(grads)):
            self._skip('a gradient is')
            optimizer.zero_grad()  # A step without gradients changes nothing.

    def after_train_iter(self, runner: Runner, outputs: dict,
                         **kwargs: Any) -> None:
        """Check the loss, unless its update has been skipped."""
        if self._update != 'skipped' and _anywhere(
                any_not_finite(torch.as_tensor(outputs['loss']))):
            if self._update == 'made':  # Its gradients were finite.
                raise NonFiniteError(
                    f'Stopped: the loss is {self._when()} The update has '
                    'happened: the parameters in memory are lost, the '
                    f'checkpoints are not. {_ADVICE}')
            self._skip('the loss is')
            runner.optim_wrapper.zero_grad()
        self._batch = self._forward = None

    def _when(self) -> str:
        batch = self._batch if isinstance(self._batch, dict) else {}
        samples = batch.get('data_samples') or []
        names = [x.img_path for x in samples if hasattr(x, 'img_path')]
        return (f'not finite at epoch {self._runner.epoch + 1}, iteration '
                f'{self._runner.iter + 1}. Batch: '
                f'{", ".join(names) or "it has no file names"}.')

    def _skip(self, what: str) -> None:
        text = f'{what} {self._when()} It began {self._locate()}.'
        if self.skipped == self.max_skips:
            skips = f' after {self.skipped} skipped steps' * bool(self.skipped)
            raise NonFiniteError(f'Stopped{skips}: {text} The parameters are '
                                 f'those before this step. {_ADVICE}')
        self.skipped += 1
        self._update = 'skipped'
        self._runner.logger.warning(
            f'Skipped step ({self.skipped} of {self.max_skips}): {text}')

    def _locate(self) -> str:
        if self._forward is None:
            return 'somewhere in the step'
        args, kwargs = self._forward
        draws, devices, draws_of_devices = self._draws
        try:
            model = whole_model(self._runner)
            with torch.random.fork_rng(devices):
                torch.set_rng_state(draws)
                set_device_states(devices, draws_of_devices)
                return locate(model, args, kwargs,
                              self._runner.optim_wrapper.optim_context)
        except RuntimeError as error:  # Out of memory, say.
            return f'where it could not be located ({error})'


def require_finite(runner: Runner, filename: str) -> None:
    """Refuse to save weights, averaged or not, that are not finite.

    Raises:
        NonFiniteError: If there are such weights.
    """
    averaged = [x.ema_model for x in runner.hooks if hasattr(x, 'ema_model')]
    for kind, model in ('', runner.model), *(
            ('averaged ', x.module) for x in averaged):
        weights = dict(model.named_parameters())
        is_bad = any_not_finite(weights)
        if any(hasattr(x, 'full_tensor') for x in weights.values()):
            is_bad = _anywhere(is_bad)  # Each process has a part.
        if is_bad:
            names = first_of(names_of_bad(weights.items()), 3)
            raise NonFiniteError(
                f'Stopped: {kind}weights are not finite ({names}), so that '
                f'{filename} is not written.')


def _anywhere(is_bad: Tensor) -> bool:
    is_bad = is_bad.int()  # All processes skip, or none.
    all_reduce(is_bad, 'max')
    return bool(is_bad)
