"""Stop, or skip a step, when the loss is not finite."""
from typing import Any, Dict, List, Optional, Tuple

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.optim import Optimizer

from mmconvnextv2.engine.non_finite import (
    Draws,
    any_not_finite,
    file_names,
    locate,
)
from mmconvnextv2.engine.strategies.sharding import whole_model
from mmconvnextv2.registry import HOOKS, register

_ADVICE = (
    'What to try: look at these images and their annotations; a lower '
    'learning rate or a longer warm-up; optim_wrapper.clip_grad; bfloat16 or '
    'float32 in the place of float16 (optim_wrapper.dtype). To skip up to N '
    'such steps: default_hooks.non_finite.max_skips=N.')


def _now(runner: Runner) -> str:
    return f'epoch {runner.epoch + 1}, iteration {runner.iter + 1}'


def _listed(names: List[str]) -> str:
    return ', '.join(names) or 'it holds no file names'


class NonFiniteError(RuntimeError):
    """The loss or a gradient is infinite or NaN."""


@register(HOOKS)
class NonFiniteHook(Hook):
    """Watch that the loss and the gradients stay finite.

    The exact check comes before the parameters are updated. It finds the
    module where the first bad value appears, by running the step again with
    the same draws, and it can skip the step. But it waits for the device. So
    it is the default where that costs nothing: on a CPU, and where MMEngine
    waits in each step anyway, as it does to clip gradients and to scale the
    loss. Elsewhere the loss is copied without waiting and read one iteration
    later; the update has happened by then, and no checkpoint is written.

    Gradients alone that overflow are no fault where the loss is scaled: the
    scaler skips such steps and lowers its scale.

    Args:
        max_skips (int): Steps to leave out, with a warning, in the whole run;
            the next stops it. Defaults to 0.
        exact (bool, optional): Whether to check before the update. Defaults
            to None, which means where that costs no wait or where
            ``max_skips`` asks for it.

    Raises:
        ValueError: If ``max_skips`` is negative, or not 0 without ``exact``;
            before training, if an exact check is asked for where another than
            PyTorch's optimizers holds the gradients, as under DeepSpeed.
    """

    priority = 'VERY_HIGH'

    def __init__(self,
                 max_skips: int = 0,
                 exact: Optional[bool] = None) -> None:
        if max_skips < 0 or (max_skips and exact is False):
            raise ValueError('NonFiniteHook: max_skips must be >= 0, and 0 '
                             f'with exact=False, got {max_skips}')
        self.max_skips = max_skips
        self.exact = exact
        self.skipped = 0
        self._batch: Any = None
        self._forward: Optional[Tuple[Dict[str, Any], Draws]] = None
        self._late: Optional[Tuple[Tensor, Any, List[str], str]] = None
        self._checked = self._reported = False

    def before_train(self, runner: Runner) -> None:
        """Choose when to check."""
        wrapper = runner.optim_wrapper
        model = runner.model
        self._model = model.module if is_model_wrapper(model) else model
        self._scaled = hasattr(wrapper, 'loss_scaler')
        waits = self._scaled or getattr(wrapper, 'clip_grad_kwargs', None)
        device = next(self._model.parameters()).device
        optimizer = getattr(wrapper, 'optimizer', None)
        is_known = isinstance(optimizer, Optimizer)
        asked = bool(self.exact or self.max_skips)
        if asked and not is_known:
            raise ValueError(
                'NonFiniteHook: exact=True and max_skips need an optimizer of '
                'PyTorch, whose steps can be left out, got '
                f'{type(optimizer).__name__} in {type(wrapper).__name__}')
        is_free = is_known and (waits or device.type == 'cpu')
        self._is_exact = asked or (self.exact is None and bool(is_free))
        if not self._is_exact:
            return
        self._runner = runner
        self._model.register_forward_pre_hook(self._keep, with_kwargs=True)
        optimizer.register_step_pre_hook(self._before_update)

    def _keep(self, model: nn.Module, args: tuple, kwargs: dict) -> None:
        if kwargs.get('mode') == 'loss' and self._batch is not None:
            self._forward = kwargs, Draws(next(model.parameters()).device)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Any = None) -> None:
        """Read the late flag; know the batch."""
        self._read_late()
        self._batch = data_batch
        self._checked = self._reported = False

    def _before_update(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """Check the gradients; a step without any changes nothing."""
        parameters = [
            x for group in optimizer.param_groups for x in group['params']
            if x.grad is not None
        ]
        self._checked = True
        if self._common(any_not_finite([x.grad for x in parameters])):
            self._report(self._runner, 'a gradient is')
            for parameter in parameters:
                parameter.grad = None

    def _common(self, is_bad: Tensor) -> bool:
        # All processes skip, or none.
        is_bad = is_bad.int()
        all_reduce(is_bad, 'max')
        return bool(is_bad)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Optional[dict] = None) -> None:
        """Check the loss."""
        is_bad = any_not_finite([torch.as_tensor(outputs['loss'])])
        if self._is_exact and not self._checked:
            if self._common(is_bad):
                self._report(runner, 'the loss is')
                runner.optim_wrapper.zero_grad()
        elif not self._reported:
            self._note_late(runner, is_bad)
        self._batch = self._forward = None

    def _report(self, runner: Runner, what: str) -> None:
        text = (f'{what} not finite at {_now(runner)}. Batch: '
                f'{_listed(file_names(self._batch))}. It began '
                f'{self._locate(runner)}.')
        self._reported = True
        if self.skipped == self.max_skips:
            skips = f' after {self.skipped} skipped steps' * bool(self.skipped)
            raise NonFiniteError(f'Stopped{skips}: {text} The parameters are '
                                 f'those before this step. {_ADVICE}')
        self.skipped += 1
        runner.logger.warning(
            f'Skipped step ({self.skipped} of {self.max_skips}): {text}')

    def _locate(self, runner: Runner) -> str:
        if self._forward is None:
            return 'somewhere in the step'
        inputs, draws = self._forward
        now = Draws(draws.device)
        # What the step left, for a scaler to look at.
        kept = [(x, x.grad) for x in self._model.parameters()]
        try:
            model = whole_model(runner)
            draws.restore()
            return locate(model, inputs, runner.optim_wrapper.optim_context)
        except RuntimeError as error:  # Out of memory, say.
            return f'where it could not be located ({error})'
        finally:
            now.restore()
            for parameter, grad in kept:
                parameter.grad = grad

    def _note_late(self, runner: Runner, is_bad: Tensor) -> None:
        self._read_late()
        event = None
        if is_bad.is_cuda:
            flag = torch.empty((), dtype=torch.bool, pin_memory=True)
            is_bad = flag.copy_(is_bad, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        self._late = (is_bad, event, file_names(self._batch), _now(runner))

    def _read_late(self) -> None:
        """Look at what the iteration before has left."""
        if self._late is None:
            return
        is_bad, event, names, when = self._late
        self._late = None
        if event is not None:
            event.synchronize()
        if is_bad:
            raise NonFiniteError(
                f'Stopped: the loss is not finite at {when}. Batch: '
                f'{_listed(names)}. The update has happened: the '
                'parameters in memory are lost, the checkpoints are not. To '
                'see where it begins, continue with --resume and '
                f'default_hooks.non_finite.exact=True. {_ADVICE}')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Keep parameters that are lost out of the checkpoints."""
        self._read_late()
