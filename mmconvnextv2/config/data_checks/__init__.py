"""Check annotations and label maps before anything is built.

What CocoDataset, ADE20KDataset, BaseSegDataset, ImageNet, ImageNet21k and
CustomDataset would stumble on, or not notice, is told by file and record.
Images are not opened here: see ``DamagedDataHook``.
"""
from typing import List, Mapping, Sequence

from mmengine.runner import Runner

from mmconvnextv2.errors import CommandError
from .findings import Findings
from .uses import check_dataset, check_splits

__all__ = ['Findings', 'check_data', 'log_notes', 'require_sound_data']

_SHOWN = 10


def check_data(cfg: Mapping, splits: Sequence[str]) -> Findings:
    """Check the data sets of a config.

    Args:
        cfg (Mapping): The config. What it names must exist.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' are used.

    Returns:
        Findings: Those of all data sets together.
    """
    findings = Findings()
    for split in splits:
        check_dataset(cfg, split, findings)
    check_splits(cfg, splits, findings)
    return findings


def require_sound_data(cfg: Mapping, splits: Sequence[str]) -> List[str]:
    """Check the data sets of a config.

    Args:
        cfg (Mapping): The config.
        splits (Sequence[str]): Which of 'train', 'val' and 'test' are used.

    Returns:
        list[str]: What the run will leave out, for its log.

    Raises:
        CommandError: If something cannot be used; names file and record.
    """
    try:
        findings = check_data(cfg, splits)
    except (TypeError, AttributeError, LookupError) as error:
        # The settings are of a kind that the data set cannot use either;
        # which one, building it tells.
        return [f'the data were not checked: {error}']
    problems = findings.problems
    if problems:
        more = len(problems) - _SHOWN
        raise CommandError('\n  '.join([
            f'the data cannot be used, {len(problems)} faults:',
            *problems[:_SHOWN], *([f'and {more} more'] if more > 0 else [])
        ]))
    return findings.notes


def log_notes(runner: Runner, notes: Sequence[str]) -> None:
    """Put what is left out into a run's log."""
    for note in notes:
        runner.logger.warning(note)
