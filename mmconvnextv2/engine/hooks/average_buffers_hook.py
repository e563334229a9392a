"""The same running statistics in every process."""
from typing import Optional

from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class AverageBuffersHook(Hook):
    """Average the model's floating-point buffers over the processes.

    Where BN stands in for SyncBN, each process follows the statistics of its
    own images. An evaluation, which the processes share, would then be that
    of several models, and a checkpoint would hold the first's. MMEngine's
    ``SyncBuffersHook`` averages before an evaluation, but after a run that
    counts iterations has saved its checkpoint; so here it is done in each
    iteration. Without several processes nothing happens.
    """

    # Before EMA and the checkpoint.
    priority = 'VERY_HIGH'

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Average what is counted in fractions; counts are equal anyway."""
        all_reduce_params(
            [x for x in runner.model.buffers() if x.is_floating_point()],
            op='mean')
