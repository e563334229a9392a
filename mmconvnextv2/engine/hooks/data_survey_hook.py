"""What data lack and what reading them drops, said before a run."""
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmconvnextv2.datasets.guards import datasets_in
from mmconvnextv2.datasets.survey import survey
from mmconvnextv2.errors import data_error
from mmconvnextv2.registry import HOOKS, register


@register(HOOKS)
class DataSurveyHook(Hook):
    """Look at a sample of the data when a run begins.

    The log names, once, images in a folder that are not read, bits and
    channels that are dropped, classes without a pixel, and label maps that
    are mostly ignored. Data that leave nothing to learn or to evaluate end
    the run with a ``CommandError``.
    """

    def before_run(self, runner: Runner) -> None:
        """Look at the data sets of the run."""
        faults, notes = [], []
        for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
            if not isinstance(loop, BaseLoop):
                continue
            for dataset in datasets_in(loop.dataloader.dataset):
                if not hasattr(dataset, 'get_data_info') or any(
                        hasattr(dataset, x) for x in ('dataset', 'datasets')):
                    continue
                found = survey(dataset, loop is runner._train_loop)
                faults += found[0]
                notes += found[1]
        for note in dict.fromkeys(notes):
            runner.logger.warning(note)
        if faults:
            raise data_error(list(dict.fromkeys(faults)))
