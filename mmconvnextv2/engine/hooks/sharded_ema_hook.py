"""Exponential moving average of a sharded model."""
from typing import Dict, Optional

import torch
from mmengine.hooks import EMAHook
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import Tensor, nn

from mmconvnextv2.engine.strategies.sharding import drop_gathered, is_sharded
from mmconvnextv2.registry import HOOKS, register

_PREFIX = 'module.'


class _Shards(nn.Module):
    """The parameters that a process holds of a model, and its buffers."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        # Names of parameters may have no dots.
        for i, parameter in enumerate(model.parameters()):
            self.register_parameter(f'shard_{i}', parameter)
        for i, buffer in enumerate(model.buffers()):
            self.register_buffer(f'buffer_{i}', buffer)


@register(HOOKS)
class ShardedEMAHook(EMAHook):
    """MMEngine's ``EMAHook``, for a model that is sharded by FSDP too.

    ``EMAHook`` copies the model, which FSDP's cannot be. Here each process
    averages its own shards. Checkpoints are those of ``EMAHook``, whichever
    of the two reads them. Without FSDP nothing is different. The arguments
    are those of ``EMAHook``.
    """

    def before_run(self, runner: Runner) -> None:
        """Begin the average, unless a checkpoint has."""
        if not is_sharded(runner.model):
            super().before_run(runner)
        elif not hasattr(self, 'ema_model'):
            self._begin(runner)

    def _begin(self, runner: Runner) -> None:
        self.src_model = _Shards(runner.model)
        self.ema_model = MODELS.build(
            self.ema_cfg, default_args=dict(model=self.src_model))

    def _swap_ema_parameters(self) -> None:
        super()._swap_ema_parameters()
        if self._sharded is not None:
            drop_gathered(self._sharded)

    def before_train(self, runner: Runner) -> None:
        """Know the model."""
        self._know(runner)
        super().before_train(runner)

    def before_val_epoch(self, runner: Runner) -> None:
        """Evaluate the average."""
        self._know(runner)
        super().before_val_epoch(runner)

    def before_test_epoch(self, runner: Runner) -> None:
        """Evaluate the average."""
        self._know(runner)
        super().before_test_epoch(runner)

    def _know(self, runner: Runner) -> None:
        self._sharded = runner.model if is_sharded(runner.model) else None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Save the average in the place of the model, and the model too."""
        if not is_sharded(runner.model):
            super().before_save_checkpoint(runner, checkpoint)
            return
        model = checkpoint['state_dict']
        self._swap_ema_parameters()
        checkpoint['state_dict'] = runner.strategy.model_state_dict()
        self._swap_ema_parameters()
        checkpoint['ema_state_dict'] = dict(
            {_PREFIX + k: x
             for k, x in model.items()}, steps=self.ema_model.steps)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Continue the average that a checkpoint holds."""
        if not is_sharded(runner.model):
            super().after_load_checkpoint(runner, checkpoint)
            return
        saved: Optional[Dict[str, Tensor]] = checkpoint.get('ema_state_dict')
        if not runner._resume or saved is None:
            return  # The average begins with the weights that are loaded.
        runner.strategy.load_model_state_dict(checkpoint['state_dict'])
        self._begin(runner)
        self.ema_model.steps.copy_(torch.as_tensor(saved['steps']))
        checkpoint['state_dict'] = {
            k[len(_PREFIX):]: x
            for k, x in saved.items() if k.startswith(_PREFIX)
        }
