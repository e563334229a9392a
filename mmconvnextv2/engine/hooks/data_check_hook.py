"""Annotations, label maps and class folders, checked at the start of a run."""
from typing import Any, Dict, List

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmconvnextv2.config.data_checks import require_sound_data
from mmconvnextv2.errors import CommandError
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class DataCheckHook(Hook):
    """Refuse data whose use would end in a silent wrong result.

    For runs that are not started by ``tools/train.py`` or ``tools/test.py``,
    such as ``mim train``: these check before they build anything, and then
    leave the hook out. One process reads the data sets that the config names
    for the run; what it leaves out stands in the log.

    Raises:
        CommandError: In all processes, if data cannot be used.
    """

    # Before hooks that change what the data sets read.
    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Check the splits that the run uses."""
        loops: Dict[str, Any] = dict(
            train=runner._train_loop, val=runner._val_loop,
            test=runner._test_loop)
        splits = [k for k, x in loops.items() if isinstance(x, BaseLoop)]
        outcome: List[Any] = [[]]
        if is_main_process():
            try:
                outcome = [require_sound_data(runner.cfg, splits)]
            except CommandError as error:
                outcome = [error]
        broadcast_object_list(outcome)
        if isinstance(outcome[0], CommandError):
            raise outcome[0]
        for note in outcome[0]:
            runner.logger.warning(note)
