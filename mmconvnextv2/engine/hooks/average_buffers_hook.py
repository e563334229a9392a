"""The same running statistics in every process."""
from typing import Any

from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class AverageBuffersHook(Hook):
    """Average the model's floating-point buffers over all processes.

    With BN instead of SyncBN each process has the statistics of its own
    images, so a shared evaluation would mix several models and a checkpoint
    would hold the first one's. MMEngine's ``SyncBuffersHook`` comes too late
    for the checkpoints of iteration-based runs, hence each iteration here.
    """

    # Before EMA and the checkpoint.
    priority = 'VERY_HIGH'

    def after_train_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Average all buffers but integer counts, which are equal anyway."""
        all_reduce_params(
            [x for x in runner.model.buffers() if x.is_floating_point()],
            op='mean')
