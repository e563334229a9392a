"""What each process of a run has trained on, lost, averaged and measured."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import torch
from mmengine.dist import get_rank
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn


@HOOKS.register_module(force=True)
class ParallelRecorder(Hook):
    """Write ``record_RANK.pt`` to the work dir.

    It has ``images``, ``inputs`` and ``losses``, one an iteration: sorted
    file names, the batch before its preprocessing, and the loss; ``start``,
    ``end`` and ``average``, state dicts before and after, and of EMA's copy;
    ``grads`` by name, as the optimizer gets them, one an iteration;
    ``metrics``, one an evaluation; the ``seed`` of all draws; and whether the
    model ``is_wrapped``.
    """

    # After EMA.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.record: Dict[str, Any] = dict(
            images=[], inputs=[], losses=[], grads=[], metrics=[])

    def before_train(self, runner: Runner) -> None:
        """Keep the weights; watch the optimizer."""
        model = _unwrapped(runner.model)
        self.record['is_wrapped'] = is_model_wrapper(runner.model)
        self.record['seed'] = torch.initial_seed()
        self.record['start'] = _state(model)

        def keep_grads(*_: Any) -> None:
            self.record['grads'].append({
                name: param.grad.clone()
                for name, param in model.named_parameters()
            })

        runner.optim_wrapper.optimizer.register_step_pre_hook(keep_grads)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Keep the images and their names."""
        self.record['inputs'].append([x.clone() for x in data_batch['inputs']])
        self.record['images'].append(
            sorted(Path(x.img_path).name for x in data_batch['data_samples']))

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[Dict[str, Tensor]] = None) -> None:
        """Keep the loss."""
        self.record['losses'].append(outputs['loss'].item())

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        """Keep what was measured."""
        self.record['metrics'].append(
            {key: float(value) for key, value in metrics.items()})

    def after_train(self, runner: Runner) -> None:
        """Write all."""
        self.record['end'] = _state(_unwrapped(runner.model))
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):
                self.record['average'] = _state(hook.ema_model.module)
        torch.save(self.record,
                   Path(runner.work_dir) / f'record_{get_rank()}.pt')


def _unwrapped(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model


def _state(model: nn.Module) -> Dict[str, Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


def records(work_dir: Union[str, Path], world_size: int) -> List[dict]:
    """What the processes of a run have written."""
    return [
        torch.load(Path(work_dir) / f'record_{rank}.pt')
        for rank in range(world_size)
    ]
