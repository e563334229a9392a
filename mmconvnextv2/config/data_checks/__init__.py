"""Check annotations, label maps and class folders before anything is built.

Only for what would end in a silent wrong result or an unreadable crash. Images
are not opened here: see ``DamagedDataHook``. A check is a generator
``check(dataset, cfg, split, note)``: it gets a data set of a known type, whose
paths are joined and which has read nothing yet, yields faults, each of which
begins with the file or folder, and calls ``note`` with what a run leaves out.
"""
from typing import Any, Iterator, Mapping, Sequence

from mmengine.registry import DATASETS, DefaultScope

from mmconvnextv2.config.preflight import is_local, leaf_datasets
from mmconvnextv2.config.walk import type_name
from mmconvnextv2.errors import data_error
from mmconvnextv2.text import other_order
from .classification import check_classes, check_folders_of_splits
from .coco import check_coco
from .segmentation import check_label_maps

_CHECKS = dict(
    CocoDataset=check_coco,
    CocoByNameDataset=check_coco,
    BaseSegDataset=check_label_maps,
    ADE20KDataset=check_label_maps,
    FolderSegDataset=check_label_maps,
    ImageNet=check_classes,
    ImageNet21k=check_classes,
    CustomDataset=check_classes)


def check_data(cfg: Mapping,
               splits: Sequence[str]) -> tuple[list[str], list[str]]:
    """Check the data sets of a config.

    Args:
        cfg (Mapping): The config. The files it names must exist.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' in use.

    Returns:
        tuple[list[str], list[str]]: Faults and notes, each once.
    """
    notes: list[str] = []
    built = [(*x, split) for split in splits for x in _datasets(cfg, split)]
    faults = [
        fault for kind, dataset, split in built
        for fault in _CHECKS[kind](dataset, cfg, split, notes.append)
    ]
    faults += check_folders_of_splits([x for _, x, _ in built])
    named = [(x.metainfo.get('classes'), split) for _, x, split in built]
    for classes, split in named:
        if text := other_order(named[0][0], classes):
            faults.append('metainfo.classes of the data sets differ in order, '
                          f'of {named[0][1]} and of {split}: {text}')
    # Several splits may read the same file.
    return list(dict.fromkeys(faults)), list(dict.fromkeys(notes))


def _datasets(cfg: Mapping, split: str) -> Iterator[tuple[str, Any]]:
    for _, part in leaf_datasets(cfg, split):
        if type_name(part) not in _CHECKS or not is_local(part):
            continue
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            try:
                built = DATASETS.build(dict(part, pipeline=[], lazy_init=True))
            except Exception:
                continue  # The run will build it too, and say what is wrong.
        yield type_name(part), built


def require_sound_data(cfg: Mapping, splits: Sequence[str]) -> list[str]:
    """Refuse data sets that cannot be used.

    Args:
        cfg (Mapping): The config.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' in use.

    Returns:
        list[str]: Notes for the log on what the run will leave out.

    Raises:
        CommandError: If data cannot be used, with file and record.
    """
    faults, notes = check_data(cfg, splits)
    if faults:
        raise data_error(faults)
    return notes
