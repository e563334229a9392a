"""Say whether the label map of an image can be trained on."""
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from mmconvnextv2.text import first_of

IGNORED = 255  # label of pixels that do not count
_BACKGROUND = ('background', 'bg', 'unlabeled', 'unlabelled')
_MASKS = (
    ' They hold only 0 and 255, as masks do; a label map holds the number of '
    'the class, and 255 is ignored. How to make one of a mask: '
    'docs/your_data.md of mmconvnextv2, "Your label maps, as they are".')


def reduce_labels(labels: np.ndarray) -> np.ndarray:
    """Count labels from 0 instead of 1, and ignore 0, as mmseg does."""
    return np.where((labels == 0) | (labels == IGNORED), IGNORED, labels - 1)


def numbers_of_classes(dataset: Any) -> np.ndarray:
    """List the classes of the numbers 0 to 255 in files for mmseg's data sets.
    """
    labels = np.arange(256)
    if dataset.reduce_zero_label:
        labels = reduce_labels(labels)
    numbers = labels.copy()
    for old, new in (dataset.label_map or {}).items():
        numbers[labels == old] = new
    return numbers


def fault_of_file(path: str) -> str | None:
    """Say why the labels that mmseg reads are not those that were meant."""
    with Image.open(path) as file:
        if file.format == 'JPEG':
            return ('it is a JPEG, whose compression mixes the labels of '
                    'neighbours: write label maps as PNG, from their source')
        if file.mode[0] in 'IF' and (largest := np.max(file)) > IGNORED:
            return (f'it holds the label {largest:g}; mmseg keeps 8 bits of a '
                    f'label, so that this one would be {largest % 256:g}')
    return None


def fault_of_labels(labels: np.ndarray, size: tuple[int, int],
                    num_classes: int | None,
                    reduced: bool = False) -> str | None:
    """Say what is wrong with a label map, in terms of its file; or None.

    Args:
        labels (np.ndarray): Labels from 0, of shape (H, W) if all is well.
        size (tuple[int]): Height and width of the image in pixels.
        num_classes (int, optional): None leaves labels unchecked.
        reduced (bool): Whether the labels in the file begin with 1
            (``reduce_zero_label``).
    """
    if labels.ndim != 2:
        return ('a label map has one number per pixel, this one has '
                f'{labels.shape[-1]} (is it a picture in colours?)')
    if labels.shape != tuple(size):
        return (f'the label map has {labels.shape[1]}x{labels.shape[0]} '
                f'pixels, its image {size[1]}x{size[0]}')
    if num_classes is None:
        return None
    largest = int(np.max(labels, where=labels != IGNORED, initial=0))
    if largest < num_classes:
        return None
    first = int(reduced)
    ignored = f'0 and {IGNORED} are' if reduced else f'{IGNORED} is'
    return (f'it holds the label {largest + first}, while the {num_classes} '
            f'classes have the labels {first} to {num_classes - 1 + first} '
            f'and {ignored} ignored (reduce_zero_label={reduced})' + (
                '. Labels that begin with 1 need reduce_zero_label=True of '
                'the data set' if not reduced and largest == num_classes
                and labels.min() > 0 else ''))


class MapSample(NamedTuple):
    """What was found in label maps that were opened."""

    number: int  # of these
    total: int  # of all
    counts: np.ndarray  # pixels of each number from 0 to 255 in the files
    faults: Mapping[str, Sequence[str]]  # paths by fault

    @property
    def is_whole(self) -> bool:
        """Whether these are all there are."""
        return self.number == self.total

    @property
    def where(self) -> str:
        """Which label maps these are, for messages."""
        return f'the {self.number} label maps' if self.is_whole else (
            f'{self.number} of the {self.total} label maps, a sample')


def judged(sample: MapSample, classes: Sequence[str], numbers: np.ndarray,
           reduced: bool, training: bool) -> Iterator[tuple[bool, str]]:
    """Yield what the counts say, and whether it makes a run useless.

    ``numbers`` are the classes of the numbers in a file; 0 is ignored if the
    labels are ``reduced``.
    """
    counts, where = sample.counts, sample.where
    if not counts.sum() or not classes:
        return
    sums = np.bincount(numbers, counts, minlength=256)
    absent = [x for x, n in zip(classes, sums) if not n]
    present = [x for x in classes if x not in absent]
    share = sums[IGNORED] / counts.sum()
    of_masks = set(np.flatnonzero(counts)) == {0, 255}
    if not present:
        yield True, f'all pixels of {where} are ignored.{_MASKS * of_masks}'
    elif len(present) == 1 < len(classes):
        yield sample.is_whole or of_masks, (
            f'{where} have pixels of one class only, {present[0]!r} '
            f'({share:.0%} of the pixels are ignored): a model that always '
            f'says {present[0]!r} gets an mIoU of 100.{_MASKS * of_masks}')
    elif absent:
        yield False, (
            f'{len(absent)} of the {len(classes)} classes have no pixel in '
            f'{where}: {first_of(absent)}. ' +
            ('They cannot be learnt from these.' if training else
             'mIoU leaves them out.'))
    if present and share > 0.5:
        yield False, f'{share:.0%} of the pixels of {where} are ignored.'
    if reduced and classes[0].lower().strip('_') in _BACKGROUND:
        last = int(sums[len(classes) - 1])
        shifted = training and sample.is_whole and counts[0] > 0 == last
        yield bool(shifted), (
            'reduce_zero_label=True ignores label 0 of the files and makes '
            f'label 1 the class {classes[0]!r}. Is {classes[0]!r} label 0? '
            f'({where} have {counts[0]} pixels of label 0 and {last} of '
            f'{classes[-1]!r}.) Then set reduce_zero_label=False.')
