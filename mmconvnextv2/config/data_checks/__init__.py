"""Check annotations, label maps and class folders before anything is built.

Only for what would end in a silent wrong result or an unreadable crash. Of the
images a sample is opened: see ``DamagedDataHook`` for the others. A check is a
generator ``check(dataset, cfg, split)``: it gets a data set of a known type,
whose paths are joined and which has read nothing yet, yields faults, each of
which begins with the file or folder, and ``Note`` for what a run leaves out,
and returns paths of images.
"""
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional

from mmengine.registry import DATASETS, DefaultScope

from mmconvnextv2.config.arguments import find_type
from mmconvnextv2.config.preflight import is_local, leaf_datasets
from mmconvnextv2.errors import Note
from mmconvnextv2.text import other_order
from .classification import check_classes, check_folders_of_splits
from .coco import check_coco
from .images import dropped
from .segmentation import check_label_maps

_CHECKS = dict(
    CocoDataset=check_coco,
    CocoByNameDataset=check_coco,
    BaseSegDataset=check_label_maps,
    ImageNet=check_classes,
    ImageNet21k=check_classes,
    CustomDataset=check_classes)
# What a type that derives from these must not change.
_READING = ('COCOAPI', 'load_data_list', 'parse_data_info')


def check_data(cfg: Mapping,
               splits: Sequence[str]) -> tuple[list[str], list[str]]:
    """Check the data sets of a config.

    Args:
        cfg (Mapping): The config. The files it names must exist.
        splits (Sequence[str]): Those of 'train', 'val' and 'test' in use.

    Returns:
        tuple[list[str], list[str]]: Faults and notes, each once.
    """
    found: list[str] = []
    built = [(*x, split) for split in splits for x in _datasets(cfg, split)]
    for check, dataset, split in built:
        try:
            found += _checked(check, dataset, cfg, split)
        except Exception as error:  # Types of users may do as they like.
            found.append(Note(
                f'{type(dataset).__name__} of {split}_dataloader cannot be '
                f'checked: {error!r}'))
    found += check_folders_of_splits([x for _, x, _ in built])
    named = [(x.metainfo.get('classes'), split) for _, x, split in built]
    for classes, split in named:
        if text := other_order(named[0][0], classes):
            found.append('metainfo.classes of the data sets differ in order, '
                         f'of {named[0][1]} and of {split}: {text}')
    found = list(dict.fromkeys(found))  # Splits may read the same file.
    return ([x for x in found if not isinstance(x, Note)],
            [str(x) for x in found if isinstance(x, Note)])


def _checked(check: Callable, dataset: Any, cfg: Mapping,
             split: str) -> Iterator[str]:
    paths = yield from check(dataset, cfg, split)
    yield from map(Note, dropped(paths or [], cfg, split))


def _datasets(cfg: Mapping, split: str) -> Iterator[tuple[Callable, Any]]:
    for _, part in leaf_datasets(cfg, split):
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
            kind, _ = find_type(DATASETS, part.get('type'))
            if not is_local(part) or not (check := _check_of(kind)):
                continue
            try:
                built = DATASETS.build(dict(part, pipeline=[], lazy_init=True))
            except Exception:
                continue  # The run will build it too, and say what is wrong.
        yield check, built


def _check_of(kind: Any) -> Optional[Callable]:
    """Find the check of a type, or of the base whose files it reads."""
    for base in getattr(kind, '__mro__', ()):
        check = _CHECKS.get(base.__name__)
        if check is check_label_maps or check and all(
                getattr(kind, x, 0) is getattr(base, x, 0) for x in _READING):
            return check
    return None
