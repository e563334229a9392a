"""Random choices that do not depend on what was drawn before."""
from typing import Optional

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.engine.batches import (
    first_iteration,
    load_with_seeds,
    order_batches,
    restart_iterator,
    seed_generators,
)
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class SeedHook(Hook):
    """Seed by (seed, epoch, iteration, rank), so that a resumed run repeats.

    MMEngine seeds once, at the start. A resumed run therefore draws other
    augmentations, masks and dropped paths than the uninterrupted one. Here
    the model's draws depend on these four numbers, and those of a sample on
    them and its place in the batch, whichever worker loads it. With
    deterministic kernels both runs then end with equal weights. The seed is
    ``randomness.seed`` of the config.

    Args:
        enabled (bool): Whether to do so. Defaults to False.
    """

    # Before any hook that draws.
    priority = 'VERY_HIGH'

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled
        self._seed = 0

    def before_train(self, runner: Runner) -> None:
        """Let the data loader number and seed its samples.

        Raises:
            ValueError: If the config names no seed.
        """
        if not self.enabled:
            return
        seed = (runner.cfg.get('randomness') or {}).get('seed')
        if not isinstance(seed, int) or seed < 0:
            raise ValueError('SeedHook needs a seed: set randomness.seed to '
                             f'a number >= 0, got {seed!r}')
        self._seed = seed
        self._batches = order_batches(runner.train_dataloader)
        load_with_seeds(runner.train_dataloader, seed)
        self._number(runner)
        restart_iterator(runner)

    def _number(self, runner: Runner) -> None:
        self._batches.key = (self._seed, runner.epoch, get_rank())
        self._batches.first = first_iteration(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        """Number the batches of the epoch."""
        if self.enabled:
            self._number(runner)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Seed what the model draws."""
        if self.enabled:
            seed_generators(self._seed, runner.epoch, get_rank(), runner.iter,
                            0)
