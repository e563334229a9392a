"""Check class folders, and lists of images with labels."""
import os
import os.path as osp
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from mmconvnextv2.config.walk import part_at
from mmconvnextv2.images import SUFFIXES
from mmconvnextv2.text import first_of
from .files import check_list, images_in, unread


def check_classes(dataset: Any, cfg: Mapping,
                  split: str) -> Generator[str, None, list[str]]:
    """Check a list line by line, or class folders, unless mmpretrain does."""
    outputs = part_at(cfg, 'model', 'head').get('num_classes')
    if not isinstance(outputs, int):
        outputs = None  # Building the head will fail.
    folder = dataset.img_prefix
    if dataset.ann_file:
        sizes = [x for x in (outputs, len(dataset.CLASSES or ())) if x]
        names = yield from check_list(
            dataset.ann_file,
            min(sizes, default=10**9) if dataset.with_label else None)
        return [osp.join(folder, x) for x in names]
    if dataset.with_label:
        yield from _check_folders(dataset, outputs)
    paths = images_in(folder)
    read = [x for x in paths if x.lower().endswith(dataset.extensions)]
    yield from unread(folder, paths, read, f'extensions={SUFFIXES} of the '
                      'data set reads them')
    return read


def _check_folders(dataset: Any, outputs: int | None) -> Iterator[str]:
    folders = _class_folders(dataset)
    if outputs and len(folders) > outputs:
        yield (f'{dataset.img_prefix}: has {len(folders)} class folders, the '
               f'head only {outputs} classes (model.head.num_classes)')
    classes = [str(x).lower() for x in dataset.CLASSES or ()]
    # Folders may be called otherwise than classes, such as n01440764.
    if any(x.lower() in classes and x.lower() != y
           for x, y in zip(folders, classes)):
        yield (f'{dataset.img_prefix}: its class folders are numbered in the '
               f'order {first_of(folders)}, and metainfo.classes has '
               f'{first_of(dataset.CLASSES)}')


def _class_folders(dataset: Any) -> list[str]:
    """List the class folders in the order of their labels."""
    if not osp.isdir(dataset.img_prefix):
        return []
    with os.scandir(dataset.img_prefix) as entries:
        return sorted(x.name for x in entries if x.is_dir())


def check_folders_of_splits(datasets: Sequence[Any]) -> Iterator[str]:
    """Say which class folders are numbered unlike those of training."""
    folders = {
        x.img_prefix: _class_folders(x)
        for x in datasets
        if getattr(x, 'with_label', False) and not x.ann_file
    }
    first, expected = next(iter(folders.items()), ('', []))
    for folder, found in folders.items():
        if found and expected and found != expected:
            absent = first_of(x for x in expected if x not in found)
            extra = first_of(x for x in found if x not in expected)
            yield (f'{folder}: its class folders are not those of {first}, so '
                   'that the same label means another class; it lacks '
                   f'{absent}, and only it has {extra}')
