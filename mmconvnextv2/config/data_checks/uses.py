"""What a config's data sets are checked for."""
import os.path as osp
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from mmconvnextv2.config.preflight import leaf_datasets
from mmconvnextv2.config.recipe_data import named, pipeline_of
from mmconvnextv2.config.walk import type_name
from .classification import (
    SUFFIXES,
    ClassUse,
    check_classes,
    fault_of_splits,
)
from .coco import check_coco
from .coco_left_out import CocoUse
from .findings import Findings
from .segmentation import LabelMapUse, check_label_maps

# Classes of data sets that bring their names along.
_NUM_CLASSES = {'ImageNet': 1000, 'ADE20KDataset': 150}
_FOLDERS = ('ImageNet', 'ImageNet21k', 'CustomDataset')
_LABEL_MAPS = ('BaseSegDataset', 'ADE20KDataset')


def check_dataset(cfg: Mapping, split: str, findings: Findings) -> None:
    """Check the data sets of one split.

    Args:
        cfg (Mapping): The config.
        split (str): 'train', 'val' or 'test'.
        findings (Findings): Where to add what is found.
    """
    loader = cfg.get(f'{split}_dataloader')
    for _, dataset in leaf_datasets(loader, ''):
        if (dataset.get('backend_args') or {}).get('backend',
                                                   'local') != 'local':
            continue
        kind = type_name(dataset)
        if kind == 'CocoDataset':
            findings.add(
                check_coco(
                    _ann_file(dataset), _coco_use(cfg, split, dataset)))
        elif kind in _LABEL_MAPS:
            use = _label_map_use(dataset, kind)
            if use.image_dir and use.map_dir:
                findings.add(check_label_maps(use))
        elif kind in _FOLDERS:
            findings.add(check_classes(_class_use(cfg, split, dataset, kind)))


def check_splits(cfg: Mapping, splits: Sequence[str],
                 findings: Findings) -> None:
    """Check that class folders mean the same in training and evaluation.

    Args:
        cfg (Mapping): The config.
        splits (Sequence[str]): The splits that are used.
        findings (Findings): Where to add what is found.
    """
    folders: List[Tuple[str, str]] = []
    for split in splits:
        for _, dataset in leaf_datasets(cfg.get(f'{split}_dataloader'), ''):
            kind = type_name(dataset)
            if kind in _FOLDERS:
                use = _class_use(cfg, split, dataset, kind)
                if use.with_label and not use.ann_file:
                    folders.append((split, use.folder))
    train = [folder for split, folder in folders if split == 'train']
    for split, folder in folders:
        fault = split != 'train' and train and fault_of_splits(
            train[0], folder)
        if fault:
            findings.add(Findings([fault]))


def _joined(dataset: Mapping, path: Any) -> str:
    return osp.join(str(dataset.get('data_root') or ''), str(path or ''))


def _ann_file(dataset: Mapping) -> str:
    path = dataset.get('ann_file')
    return _joined(dataset, path) if path else ''


def _prefix(dataset: Mapping, *keys: str) -> Optional[str]:
    prefix = dataset.get('data_prefix') or {}
    if isinstance(prefix, str):
        return _joined(dataset, prefix)
    found = [prefix[x] for x in keys if isinstance(prefix.get(x), str)]
    return _joined(dataset, found[0]) if found else None


def _classes(dataset: Mapping) -> Optional[Sequence[str]]:
    classes = (dataset.get('metainfo') or {}).get('classes')
    # A string is the name of a file of them.
    return None if isinstance(classes, str) else classes


def _num_classes(dataset: Mapping, kind: str) -> Optional[int]:
    if 'classes' not in (dataset.get('metainfo') or {}):
        return _NUM_CLASSES.get(kind)
    classes = _classes(dataset)
    return None if classes is None else len(classes)


def _coco_use(cfg: Mapping, split: str, dataset: Mapping) -> CocoUse:
    classes = _classes(dataset)
    if classes is None and 'classes' not in (dataset.get('metainfo') or {}):
        from mmdet.datasets import CocoDataset
        classes = CocoDataset.METAINFO['classes']
    steps = named(pipeline_of(cfg.get(f'{split}_dataloader')),
                  'LoadAnnotations')
    filters = dataset.get('filter_cfg') or {}
    evaluator = cfg.get(f'{split}_evaluator')
    return CocoUse(
        classes=classes,
        image_dir=_prefix(dataset, 'img', 'img_path') or _joined(dataset, ''),
        with_mask=any(x.get('with_mask') for x in steps),
        is_training=split == 'train' and not dataset.get('test_mode'),
        filter_empty_gt=bool(filters.get('filter_empty_gt')),
        min_size=filters.get('min_size') or 0,
        needs_annotations=not (isinstance(evaluator, Mapping)
                               and evaluator.get('format_only')))


def _label_map_use(dataset: Mapping, kind: str) -> LabelMapUse:
    num_classes = _num_classes(dataset, kind)
    own = kind == 'ADE20KDataset'
    if own and num_classes != _NUM_CLASSES[kind]:
        num_classes = None  # Labels are numbered anew when they are loaded.
    return LabelMapUse(
        image_dir=_prefix(dataset, 'img_path') or '',
        map_dir=_prefix(dataset, 'seg_map_path') or '',
        ann_file=_ann_file(dataset),
        image_suffix=dataset.get('img_suffix', '.jpg'),
        map_suffix=dataset.get('seg_map_suffix', '.png'),
        num_classes=num_classes,
        reduce_zero_label=bool(dataset.get('reduce_zero_label', own)))


def _num_outputs(cfg: Mapping) -> Optional[int]:
    """Classes of a classifier's head, if that is a number of classes."""
    head = (cfg.get('model') or {}).get('head')
    number = head.get('num_classes') if isinstance(head, Mapping) else None
    return number if isinstance(number, int) and number > 0 else None


def _class_use(cfg: Mapping, split: str, dataset: Mapping,
               kind: str) -> ClassUse:
    part = dataset.get('split') if kind != 'CustomDataset' else None
    ann_file, folder = _ann_file(dataset), _prefix(dataset, 'img_path')
    if part:
        listing = _joined(dataset, osp.join('meta', f'{part}.txt'))
        ann_file = ann_file or (listing if osp.exists(listing) else '')
        if not dataset.get('data_prefix'):
            folder = _joined(dataset, part)
    with_label = dataset.get('with_label', True) and part != 'test'
    num_outputs = _num_outputs(cfg)
    return ClassUse(
        folder=folder or _joined(dataset, ''),
        ann_file=ann_file,
        with_label=with_label,
        num_classes=_num_classes(dataset, kind),
        classes=_classes(dataset),
        num_outputs=num_outputs,
        suffixes=tuple(x.lower() for x in dataset.get('extensions', SUFFIXES)),
        is_training=split == 'train')
