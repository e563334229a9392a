"""What a run of FCMAE draws and ends with, kept for a test to compare."""
from pathlib import Path
from typing import Any, Dict

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor


@HOOKS.register_module(force=True)
class Recorder(Hook):
    """Write the masks of each iteration and the weights of a run.

    To ``record_RANK.pt`` in the work dir: ``iters``, those trained;
    ``losses``, ``inputs`` (the batch before its preprocessing) and ``masks``,
    one an iteration; ``start`` and ``end``, the state dict before and after;
    ``unused_allowed``, whether the distributed wrapper would put up with
    unused parameters.
    """

    # After the checkpoint hook.
    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Watch what the decoder is given."""
        self.model = runner.model
        self.record = dict(iters=[], losses=[], inputs=[], masks=[])
        if is_model_wrapper(self.model):
            self.record['unused_allowed'] = self.model.find_unused_parameters
            self.model = self.model.module
        self.record['start'] = self._state()
        self.model.neck.register_forward_pre_hook(self._keep_mask)

    def _keep_mask(self, module: Any, args: tuple) -> None:
        if torch.is_grad_enabled():  # not in the dry run
            self.record['masks'].append(args[1].clone())

    def after_train_iter(self, runner: Runner, data_batch: dict,
                         outputs: Dict[str, Tensor], **kwargs: Any) -> None:
        """Keep the batch and the loss."""
        self.record['iters'].append(runner.iter + 1)
        self.record['losses'].append(outputs['loss'].item())
        self.record['inputs'].append(data_batch['inputs'].clone())

    def after_train(self, runner: Runner) -> None:
        """Write all."""
        self.record['end'] = self._state()
        torch.save(self.record,
                   Path(runner.work_dir) / f'record_{get_rank()}.pt')

    def _state(self) -> Dict[str, Tensor]:
        return {k: v.clone() for k, v in self.model.state_dict().items()}
