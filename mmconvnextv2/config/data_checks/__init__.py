"""Check annotations, label maps and class folders before anything is built.

Only for what would end in a silent wrong result or an unreadable crash.
``check(dataset, cfg, split)`` gets a data set that has read nothing yet. It
yields faults, each of which begins with the file or folder, and ``Note`` for
what a run leaves out, and returns paths of images; a sample is opened.
"""
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.registry import DATASETS, DefaultScope

from mmconvnextv2.config.arguments import find_type
from mmconvnextv2.config.preflight import is_local, leaf_datasets
from mmconvnextv2.datasets.reading import collector_off
from mmconvnextv2.errors import Note
from mmconvnextv2.text import other_order
from .classification import check_classes, check_folders_of_splits
from .coco import check_coco
from .cub import check_cub
from .images import dropped
from .segmentation import check_label_maps
from .voc import check_voc

_CHECKS = dict(
    CocoDataset=check_coco,
    CocoByNameDataset=check_coco,
    XMLDataset=check_voc,
    CUB=check_cub,
    BaseSegDataset=check_label_maps,
    ImageNet=check_classes,
    ImageNet21k=check_classes,
    CustomDataset=check_classes)
# What a type that derives from these must not change.
_READING = ('COCOAPI', 'load_data_list', 'parse_data_info')


def check_data(cfg: Mapping,
               splits: Sequence[str]) -> tuple[list[str], list[str]]:
    """Check data sets whose files exist; return faults and notes."""
    with collector_off():
        found = dict.fromkeys(_found(cfg, splits))  # Splits may share files.
    return ([x for x in found if not isinstance(x, Note)],
            [str(x) for x in found if isinstance(x, Note)])


def _found(cfg: Mapping, splits: Sequence[str]) -> Iterator[str]:
    built = [(*x, split) for split in splits for x in _datasets(cfg, split)]
    for check, dataset, split in built:
        try:
            paths = yield from check(dataset, cfg, split)
            yield from map(Note, dropped(paths or [], cfg, split))
        except Exception as error:  # Types of users may do as they like.
            yield Note(f'{type(dataset).__name__} of {split}_dataloader cannot'
                       f' be checked: {error!r}')
    yield from check_folders_of_splits([x for _, x, _ in built])
    named = [(x.metainfo.get('classes'), split) for _, x, split in built]
    for classes, split in named:
        if text := other_order(named[0][0], classes):
            yield ('metainfo.classes of the data sets differ in order, of '
                   f'{named[0][1]} and of {split}: {text}')


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


def _check_of(kind: Any) -> Callable | None:
    """Find the check of a type, or of the base whose files it reads."""
    for base in getattr(kind, '__mro__', ()):
        check = _CHECKS.get(base.__name__)
        if check is check_label_maps or check and all(
                getattr(kind, x, 0) is getattr(base, x, 0) for x in _READING):
            return check
    return None
