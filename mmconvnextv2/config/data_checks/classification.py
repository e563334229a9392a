"""Check class folders, and lists of images with labels."""
import os
import os.path as osp
from typing import Any, Callable, Iterator, Mapping, Sequence

from mmconvnextv2.text import first_of
from .lists import faults_of_list


def check_classes(dataset: Any, cfg: Mapping, split: str,
                  note: Callable[[str], None]) -> Iterator[str]:
    """Check a list line by line, or the number of class folders.

    mmpretrain itself compares that number with ``metainfo.classes`` and warns
    of empty folders.
    """
    outputs = cfg.get('model')
    for key in ('head', 'num_classes'):
        outputs = outputs.get(key) if isinstance(outputs, Mapping) else None
    if not isinstance(outputs, int):
        outputs = None  # Building the head will fail.
    if dataset.ann_file:
        yield from faults_of_list(dataset.ann_file)
    if not dataset.with_label:
        return
    if dataset.ann_file:
        sizes = [x for x in (outputs, len(dataset.CLASSES or ())) if x]
        yield from _faulty_lines(dataset.ann_file, min(sizes, default=10**9))
        return
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


def _faulty_lines(path: str, num_classes: int) -> Iterator[str]:
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, 1):
            name, _, label = line.strip().rpartition(' ')
            if not line.strip():
                continue  # faults_of_list() has named it.
            if not name or not label.lstrip('-').isdigit():
                yield (f'{path}: line {number}: expected "PATH LABEL", got '
                       f'{line.strip()!r:.80}')
            elif not 0 <= int(label) < num_classes:
                yield (f'{path}: line {number}: the label must be 0 to '
                       f'{num_classes - 1}, is {label} ({name})')


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
