"""Damaged images and label maps: left out of training, named and counted."""
import os.path as osp
from typing import Any, Dict, Optional

from mmengine.dist import all_gather_object, get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from mmconvnextv2.engine.batches import restart_iterator
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class DamagedDataHook(Hook):
    """Train on in spite of damaged files, and say which they are.

    Images that cannot be read (and label maps of a segmentation) are replaced
    by other samples, as MMEngine's data sets do when a pipeline returns None.
    Each file is named in the log once, when it is first met; those met by
    other processes of a distributed run at the next summary. Summaries come
    at the end of each epoch, before each evaluation and at the end. The files
    are listed in ``damaged_rank{rank}.jsonl`` beside the log, too.

    An evaluation ends at a damaged file with an error that names it: metrics
    of fewer images would not be those of the data set.

    Label maps that do not fit (size, labels, colours) are an error that names
    the file, in training too.

    Args:
        max_in_a_row (int): Damaged files that a process may meet one after
            another, without a good one; then the run ends with an error.
            Defaults to 100.

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
        self._log: Any = None
        self._seen_skips = 0  # when the log was last read
        self._told_skips = 0  # by the last summary
        # Of this process, not yet given to the others; of all, told.
        self._new: Dict[str, str] = {}
        self._told: Dict[str, str] = {}

    def before_run(self, runner: Runner) -> None:
        """Guard the data sets, before their workers read anything."""
        from mmconvnextv2.datasets.damaged import DamageLog
        if isinstance(runner._train_loop, BaseLoop):
            name = f'damaged_rank{get_rank()}.jsonl'
            self._log = DamageLog(
                osp.join(runner.log_dir, name),
                runner.train_dataloader.num_workers)
            self._guard(runner.train_dataloader.dataset, self._log)
            restart_iterator(runner)
        for loop in (runner._val_loop, runner._test_loop):
            if isinstance(loop, BaseLoop):
                self._guard(loop.dataloader.dataset, None)

    def _guard(self, dataset: Any, log: Any) -> None:
        from mmconvnextv2.datasets.guards import guard_dataset
        guard_dataset(dataset, log, self.max_in_a_row)

    def before_train_epoch(self, runner: Runner) -> None:
        """Guard a pipeline that another hook may have put in place."""
        self._guard(runner.train_dataloader.dataset, self._log)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Name the files that this process has met since."""
        self._read(runner)

    def _read(self, runner: Runner) -> None:
        skips = self._log.skips
        if skips == self._seen_skips:
            return
        self._seen_skips = skips
        self._new.update(self._log.read_new())
        if is_main_process():
            self._name(runner, self._new)

    def _name(self, runner: Runner, files: Dict[str, str]) -> None:
        for file, reason in files.items():
            if file not in self._told:
                self._told[file] = reason
                runner.logger.warning(
                    f'Damaged, left out of training: {file}: {reason}')

    def _summarize(self, runner: Runner, when: str = 'so far') -> None:
        """Say how many files and samples, of all processes."""
        self._read(runner)
        gathered = all_gather_object((self._new, self._log.skips))
        self._new = {}
        skips = sum(x[1] for x in gathered)
        for files, _ in gathered:
            self._name(runner, files)
        if skips > self._told_skips or (skips and when != 'so far'):
            runner.logger.warning(
                f'Damaged files {when}: {len(self._told)}, in whose place '
                f'another sample was drawn {skips} times '
                f'(+{skips - self._told_skips}). They are listed in '
                f'{osp.join(runner.log_dir, "damaged_rank*.jsonl")}.')
        self._told_skips = skips

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
