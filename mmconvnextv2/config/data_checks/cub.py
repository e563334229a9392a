"""Check the text files of CUB-200-2011."""
import os.path as osp
from collections.abc import Callable, Generator, Mapping
from typing import Any

from mmconvnextv2.config.walk import part_at
from mmconvnextv2.text import first_of
from .files import missing_files


def check_cub(dataset: Any, cfg: Mapping,
              split: str) -> Generator[str, None, list[str]]:
    """Check images, labels and splits, each a file of lines ID VALUE."""
    images, labels, splits = paths = (
        dataset.ann_file, dataset.image_class_labels_file,
        dataset.train_test_split_file)
    if missing := [x for x in paths if not osp.isfile(x)]:
        yield f'{dataset.data_root}: lacks {first_of(missing)}'
        return []
    last = min(x for x in (part_at(cfg, 'model', 'head').get('num_classes'),
                           len(dataset.CLASSES)) if x)
    names = yield from _read(images, 'a path', bool)
    classes = yield from _read(labels, f'a label of 1 to {last}', lambda x: (
        x.isdigit() and 1 <= int(x) <= last))
    parts = yield from _read(
        splits, '1 (to train) or 0 (to test)', lambda x: x in ('0', '1'))
    for path, found in ((labels, classes), (splits, parts)):
        if odd := sorted(names.keys() ^ found.keys()):
            yield f'{path}: has other ids than {images}: {first_of(odd)}'
    # A class's folder begins with its label.
    if odd := [x for i, x in names.items() if x[:3].isdigit()
               and int(classes.get(i, x[:3])) != int(x[:3])]:
        yield f'{labels}: has other labels than the folders: {first_of(odd)}'
    folder = dataset.img_prefix
    if missing := missing_files(folder, [*names.values()]):
        yield (f'{images}: {len(missing)} of its {len(names)} images are not '
               f'in {folder}: {first_of(missing)}')
        return []
    return [osp.join(folder, x) for x in names.values()]


def _read(path: str, what: str, is_right: Callable[[str], bool]
          ) -> Generator[str, None, dict[int, str]]:
    """Read the values by their ids."""
    found: dict[int, str] = {}
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if len(words) == 2 and words[0].isdigit() and int(
                    words[0]) not in found and is_right(words[1]):
                found[int(words[0])] = words[1]
            else:
                yield (f'{path}: line {number}: expected an id of its own and '
                       f'{what}, got {line.strip()!r:.80}')
    return found
