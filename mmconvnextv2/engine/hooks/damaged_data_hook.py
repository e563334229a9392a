"""Damaged images and label maps: left out of training, named and counted."""
import os.path as osp
from typing import Any, Dict, Optional, Set

from mmengine.dist import all_gather_object, get_rank
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from mmconvnextv2.datasets.damaged import DamageLog
from mmconvnextv2.datasets.guards import guard_dataset
from mmconvnextv2.engine.batches import restart_iterator
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class DamagedDataHook(Hook):
    """Train on in spite of damaged files, and say which they are.

    Training replaces them by other samples. The log names each file once, and
    sums up after each epoch, before each evaluation and at the end, when those
    of other processes are named too; ``damaged_rank{rank}.jsonl`` beside it
    lists them. An evaluation ends at a damaged file with an error that names
    it. So does training at a label map that does not fit.

    Args:
        max_in_a_row (int): Damaged files one after another in a process at
            which the run ends with an error. Defaults to 100.

    Raises:
        ValueError: If ``max_in_a_row`` is not positive.
    """

    # After those that change the pipeline at the start of an epoch.
    priority = 'VERY_LOW'

    def __init__(self, max_in_a_row: int = 100) -> None:
        if max_in_a_row < 1:
            raise ValueError('DamagedDataHook: max_in_a_row must be positive, '
                             f'got {max_in_a_row}')
        self.max_in_a_row = max_in_a_row
        self._log: Optional[DamageLog] = None
        self._summed_skips = 0  # in the last summary
        self._files: Dict[str, str] = {}  # of this process, with the reasons
        self._named: Set[str] = set()  # in the log

    def before_run(self, runner: Runner) -> None:
        """Guard the data sets, before their workers read anything."""
        if isinstance(runner._train_loop, BaseLoop):
            self._log = DamageLog(
                osp.join(runner.log_dir, f'damaged_rank{get_rank()}.jsonl'),
                runner.train_dataloader.num_workers)
            self.before_train_epoch(runner)
            restart_iterator(runner)
        for loop in (runner._val_loop, runner._test_loop):
            if isinstance(loop, BaseLoop):
                guard_dataset(loop.dataloader.dataset, None, self.max_in_a_row)

    def before_train_epoch(self, runner: Runner) -> None:
        """Guard a pipeline that another hook may have put in place."""
        guard_dataset(runner.train_dataloader.dataset, self._log,
                      self.max_in_a_row)

    def after_train_iter(self, runner: Runner, *args: Any,
                         **kwargs: Any) -> None:
        """Name the files that this process has met since."""
        new = self._log.read_new()
        self._files.update(new)
        self._name(runner, new)

    def _name(self, runner: Runner, files: Dict[str, str]) -> None:
        for file, reason in files.items():
            if file not in self._named:
                self._named.add(file)
                runner.logger.warning(
                    f'Damaged, left out of training: {file}: {reason}')

    def _summarize(self, runner: Runner, when: str = 'so far') -> None:
        """Say how many files and samples, of all processes."""
        self.after_train_iter(runner)
        gathered = all_gather_object((self._files, self._log.skips))
        skips = sum(x[1] for x in gathered)
        for files, _ in gathered:
            self._name(runner, files)
        if skips > self._summed_skips or (skips and when != 'so far'):
            runner.logger.warning(
                f'Damaged files {when}: {len(self._named)}, in whose place '
                f'another sample was drawn {skips} times '
                f'(+{skips - self._summed_skips}). They are listed in '
                f'{osp.join(runner.log_dir, "damaged_rank*.jsonl")}.')
        self._summed_skips = skips

    def after_train_epoch(self, runner: Runner) -> None:
        """Sum up the epoch."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            self._summarize(runner)

    def before_val(self, runner: Runner) -> None:
        """Sum up, if the evaluation is one within training."""
        if self._log is not None:
            self._summarize(runner)

    def after_train(self, runner: Runner) -> None:
        """Sum up the run."""
        self._summarize(runner, 'in the whole run')
