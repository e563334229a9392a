"""Random choices that do not depend on what was drawn before."""
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmconvnextv2.engine import batches
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class SeedHook(Hook):
    """Seed by (seed, rank, iteration), so that a resumed run repeats.

    MMEngine seeds once, so a resumed run draws other augmentations, masks and
    dropped paths than an uninterrupted one. Here the model's draws depend on
    these three numbers, and a sample's on its place in the batch, too. With
    deterministic kernels both runs end with equal weights. The seed is
    ``randomness.seed`` of the config. Nothing is done unless ``enabled``.
    """

    # Before any hook that draws.
    priority = 'VERY_HIGH'

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled

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
        self._key = (seed, get_rank())
        batches.seed_batches(runner, *self._key)
        batches.restart_iterator(runner)

    def before_train_iter(self, runner: Runner, **kwargs: Any) -> None:
        """Seed what the model draws."""
        if self.enabled:
            batches.seed_generators(*self._key, runner.iter, 0)

    def before_val_epoch(self, runner: Runner) -> None:
        """Seed an evaluation, which may come again after a resume."""
        if self.enabled and hasattr(self, '_key'):  # It is within a training.
            batches.seed_generators(*self._key, runner.iter, 1)
