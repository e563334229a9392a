"""What each process of a run draws, loses, averages, measures, ends with."""
from copy import deepcopy
from pathlib import Path
from typing import Any, Dict, List, Union

import torch
from mmengine.dist import get_rank
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn

from mmconvnextv2.models.necks import FCMAEDecoder


@HOOKS.register_module(force=True)
class Recorder(Hook):
    """Write ``record_RANK.pt`` to the work dir.

    One an iteration: ``iters``, those trained; ``images``, sorted file names;
    ``inputs``, the batch before its preprocessing; ``losses``; ``masks`` of
    FCMAE; ``grads`` by name, as the optimizer gets them. State dicts:
    ``start`` and ``end``, before and after; ``average``, EMA's copy.
    ``metrics``, one an evaluation; the ``seed`` of all draws; whether the
    model ``is_wrapped``, and whether the wrapper would put up with unused
    parameters (``unused_allowed``).
    """

    # After EMA and the checkpoint hook.
    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Keep the weights; watch the optimizer and FCMAE's decoder."""
        self.model = runner.model
        is_wrapped = is_model_wrapper(runner.model)
        if is_wrapped:
            self.model = runner.model.module
        self.record: Dict[str, Any] = dict(
            iters=[], images=[], inputs=[], losses=[], masks=[], grads=[],
            metrics=[], start=_state(self.model), is_wrapped=is_wrapped,
            seed=torch.initial_seed(), unused_allowed=getattr(
                runner.model, 'find_unused_parameters', None))
        runner.optim_wrapper.optimizer.register_step_pre_hook(
            lambda *args: self.record['grads'].append({
                name: param.grad.clone()
                for name, param in self.model.named_parameters()}))
        neck = getattr(self.model, 'neck', None)
        if isinstance(neck, FCMAEDecoder):
            neck.register_forward_pre_hook(self._keep_mask)

    def _keep_mask(self, module: nn.Module, args: tuple) -> None:
        if torch.is_grad_enabled():  # not in the dry run
            self.record['masks'].append(args[1].clone())

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: dict) -> None:
        """Keep the images and their names."""
        self.record['iters'].append(runner.iter + 1)
        self.record['inputs'].append(deepcopy(data_batch['inputs']))
        self.record['images'].append(
            sorted(Path(x.img_path).name for x in data_batch['data_samples']))

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: dict, outputs: dict) -> None:
        """Keep the loss."""
        self.record['losses'].append(outputs['loss'].item())

    def after_val_epoch(self, runner: Runner,
                        metrics: Dict[str, float]) -> None:
        """Keep what was measured."""
        self.record['metrics'].append(
            {key: float(value) for key, value in metrics.items()})

    def after_train(self, runner: Runner) -> None:
        """Write all."""
        self.record['end'] = _state(self.model)
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                self.record['average'] = _state(hook.ema_model.module)
        torch.save(self.record,
                   Path(runner.work_dir) / f'record_{get_rank()}.pt')


def _state(model: nn.Module) -> Dict[str, Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


def records(work_dir: Union[str, Path], world_size: int) -> List[dict]:
    """What the processes of a run have written."""
    return [torch.load(Path(work_dir) / f'record_{rank}.pt')
            for rank in range(world_size)]
