"""What a run of FCMAE draws and ends with, kept for a test to compare."""
import os
import signal
from pathlib import Path
from typing import Dict, Optional

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor, nn


@HOOKS.register_module(force=True)
class Recorder(Hook):
    """Write the masks of each iteration and the weights of a run.

    To ``record_RANK.pt`` in the work dir: ``iters``, those trained;
    ``losses``, ``inputs`` (the batch before its preprocessing) and ``masks``,
    one an iteration; ``start`` and ``end``, the state dict before and after;
    ``unused_allowed``, whether the distributed wrapper would put up with
    unused parameters.

    Args:
        kill_at (int, optional): Iteration, counted from 1, after which the
            process kills itself, as a machine that is switched off would.
    """

    # After the checkpoint hook.
    priority = 'LOWEST'

    def __init__(self, kill_at: Optional[int] = None) -> None:
        self.kill_at = kill_at
        self.record = dict(iters=[], losses=[], inputs=[], masks=[])

    def before_train(self, runner: Runner) -> None:
        """Watch what the decoder is given."""
        model = self._model(runner)
        if is_model_wrapper(runner.model):
            self.record['unused_allowed'] = runner.model.find_unused_parameters
        self.record['start'] = self._state(model)
        model.neck.register_forward_pre_hook(
            lambda module, args: self.record['masks'].append(args[1].clone()))

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[Dict[str, Tensor]] = None) -> None:
        """Keep the loss; end the process if it is time to."""
        self.record['iters'].append(runner.iter + 1)
        self.record['losses'].append(outputs['loss'].item())
        self.record['inputs'].append(data_batch['inputs'].clone())
        if runner.iter + 1 == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_train(self, runner: Runner) -> None:
        """Write all."""
        self.record['end'] = self._state(self._model(runner))
        torch.save(self.record,
                   Path(runner.work_dir) / f'record_{get_rank()}.pt')

    def _model(self, runner: Runner) -> nn.Module:
        model = runner.model
        return model.module if is_model_wrapper(model) else model

    def _state(self, model: nn.Module) -> Dict[str, Tensor]:
        return {k: v.clone() for k, v in model.state_dict().items()}
