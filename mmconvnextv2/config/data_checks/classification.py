"""Class folders and lists of images with labels."""
import os
import os.path as osp
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .findings import Findings, listed

SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')
_MAX_PROBLEMS = 20


class ClassUse(NamedTuple):
    """Where a classification data set lies, and what its labels mean.

    Attributes:
        folder (str): Folder of the images, or of the class folders.
        ann_file (str): List of images and labels, or '' for class folders.
        with_label (bool): Whether there are labels.
        num_classes (int, optional): Classes of the data set, if stated.
        classes (Sequence[str], optional): Their names, if stated in the
            config.
        num_outputs (int, optional): Classes of the model's head.
        suffixes (Sequence[str]): Of images, in lower case.
        is_training (bool): Whether for training.
    """

    folder: str
    ann_file: str = ''
    with_label: bool = True
    num_classes: Optional[int] = None
    classes: Optional[Sequence[str]] = None
    num_outputs: Optional[int] = None
    suffixes: Sequence[str] = SUFFIXES
    is_training: bool = True


def check_classes(use: ClassUse) -> Findings:
    """Check class folders against classes, or a list line by line.

    Args:
        use (ClassUse): The data set.

    Returns:
        Findings: Problems by file or folder. In training a class without
        images is one, in evaluation a note.
    """
    if use.ann_file:
        return _check_list(use)
    if not use.with_label:
        if _has_image(use.folder, use.suffixes):
            return Findings()
        return Findings([
            f'{use.folder}: holds no images (suffixes: '
            f'{", ".join(use.suffixes)})'
        ])
    return _check_folders(use)


def class_folders(folder: str) -> List[str]:
    """Names of the class folders, in the order of their labels.

    A folder that cannot be read has none.
    """
    try:
        with os.scandir(folder) as entries:
            # Hidden ones, too, as MMEngine does.
            return sorted(x.name for x in entries if x.is_dir())
    except OSError:
        return []


def _has_image(folder: str, suffixes: Sequence[str]) -> bool:
    for _, _, files in os.walk(folder, followlinks=True):
        if any(x.lower().endswith(tuple(suffixes)) and x[0] != '.'
               for x in files):
            return True
    return False


def _check_folders(use: ClassUse) -> Findings:
    found = class_folders(use.folder)
    if not found:
        return Findings([f'{use.folder}: holds no class folders'])
    problems = []
    if use.num_classes is not None and len(found) != use.num_classes:
        problems.append(
            f'{use.folder}: has {len(found)} class folders ({listed(found)}), '
            f'while the data set has {use.num_classes} classes'
            f'{_difference(found, use.classes)}. Name them as '
            'metainfo=dict(classes=(...)) of the data set, and their number '
            'as num_classes of the head')
    elif use.num_outputs is not None and len(found) > use.num_outputs:
        problems.append(
            f'{use.folder}: has {len(found)} class folders, while the head '
            f'tells {use.num_outputs} classes apart (model.head.num_classes)')
    empty = [
        x for x in found
        if not _has_image(osp.join(use.folder, x), use.suffixes)
    ]
    if not empty:
        return Findings(problems)
    text = (f'{use.folder}: {len(empty)} class folders hold no images '
            f'(suffixes: {", ".join(use.suffixes)}): {listed(empty)}')
    if use.is_training:
        return Findings([*problems, text])
    return Findings(problems, [text])


def _difference(found: Sequence[str], classes: Optional[Sequence[str]]) -> str:
    # Folders may well be called otherwise than their classes.
    if not classes or not set(found) & set(classes):
        return ''
    missing = [x for x in classes if x not in found]
    surplus = [x for x in found if x not in classes]
    parts = [
        f'{what}: {listed(names)}' for what, names in
        (('missing', missing), ('not among the classes', surplus)) if names
    ]
    return f' ({"; ".join(parts)})'


def _check_list(use: ClassUse) -> Findings:
    try:
        problems: List[str] = []
        number = 0
        for number, line in _lines(use.ann_file):
            fault = _fault_of_line(line, use)
            if fault:
                problems.append(f'{use.ann_file}: line {number}: {fault}')
            if len(problems) == _MAX_PROBLEMS:
                break
    except (OSError, UnicodeDecodeError) as error:
        return Findings([f'{use.ann_file}: cannot be read: {error}'])
    if not number:
        problems.append(f'{use.ann_file}: the file is empty')
    return Findings(problems)


def _lines(path: str) -> Iterator[Tuple[int, str]]:
    with open(path, encoding='utf-8') as file:
        yield from enumerate((x.rstrip('\r\n') for x in file), 1)


def _fault_of_line(line: str, use: ClassUse) -> Optional[str]:
    if not line.strip():
        return 'it is empty'
    if not use.with_label:
        return None
    name, _, label = line.strip().rpartition(' ')
    if not name or not label.lstrip('-').isdigit():
        return f'expected "PATH LABEL", got {line!r:.80}'
    limits = [x for x in (use.num_classes, use.num_outputs) if x is not None]
    if int(label) < 0 or (limits and int(label) >= min(limits)):
        expected = f'0 to {min(limits) - 1}' if limits else 'at least 0'
        return f'the label must be {expected}, is {label} ({name})'
    return None


def fault_of_splits(train: str, other: str) -> Optional[str]:
    """Say whether two folders number their classes differently.

    Args:
        train (str): Folder of class folders.
        other (str): Another.
    """
    first, second = class_folders(train), class_folders(other)
    if first == second or not first or not second:
        return None
    parts = [
        f'only {folder} has {listed(names)}' for folder, names in (
            (train, [x for x in first if x not in second]),
            (other, [x for x in second if x not in first])) if names
    ]
    return (f'{other}: its class folders are not those of {train}, so that '
            f'the same label means another class: {"; ".join(parts)}')
