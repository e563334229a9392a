"""Annotations, label maps and class folders, checked at the start of a run."""
from collections.abc import Iterable

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmconvnextv2.config.data_checks import check_data
from mmconvnextv2.datasets.reading import forget
from mmconvnextv2.errors import data_error
from mmconvnextv2.registry import HOOKS, register
from mmconvnextv2.text import first_of


@register(HOOKS)
class DataCheckHook(Hook):
    """Refuse data whose use would end in a silent wrong result.

    One process reads the data sets that the config names for the run. What a
    run leaves out or drops stands in the log. ``tools/train.py`` and
    ``tools/test.py`` call ``check`` before data sets are built.

    Args:
        enabled (bool): Whether to. Defaults to True.

    Raises:
        CommandError: In all processes, if data cannot be used.
    """

    # Before hooks that change what the data sets read.
    priority = 'VERY_HIGH'

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._checked: set[str] = set()

    def before_run(self, runner: Runner) -> None:
        """Check the splits that the run uses."""
        loops = dict(train=runner._train_loop, val=runner._val_loop,
                     test=runner._test_loop)
        splits = [k for k, x in loops.items() if isinstance(x, BaseLoop)]
        if self.enabled and (absent := [
                x for x in (f'{split}_dataloader' for split in splits)
                if not runner.cfg.get(x)]):
            runner.logger.warning(
                f'The data are not checked: {first_of(absent)} is not in the '
                'config that this runner was made with. Runner.from_cfg(cfg), '
                'or Runner(..., cfg=cfg), passes it on.')
        self.check(runner, splits)
        forget()  # The data sets are built.

    def check(self, runner: Runner, splits: Iterable[str]) -> None:
        """Check splits that have not been checked before."""
        splits = [x for x in splits if x not in self._checked]
        if not self.enabled or not splits:
            return
        self._checked.update(splits)
        found = list(check_data(runner.cfg, splits)) if is_main_process() \
            else [None, None]
        broadcast_object_list(found)
        faults, notes = found
        for note in notes:
            runner.logger.warning(note)
        if faults:
            raise data_error(faults)
