"""Faults of label maps, in terms of the file."""
from types import SimpleNamespace

import numpy as np
import pytest

from mmconvnextv2.datasets.label_maps import (
    _MASKS,
    MapSample,
    fault_of_labels,
    judged,
    numbers_of_classes,
    reduce_labels,
)


def test_reduced_as_mmseg_does_it():
    labels = np.array([[0, 1, 2, 150, 254, 255, 300]])
    assert reduce_labels(labels).tolist() == [[255, 0, 1, 149, 253, 255, 299]]


@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_labels_that_fit(dtype):
    labels = np.array([[0, 4, 255]], dtype)
    assert fault_of_labels(labels, (1, 3), 5) is None
    assert fault_of_labels(labels, (1, 3), None) is None
    assert fault_of_labels(np.full((1, 3), 255, dtype), (1, 3), 5) is None


def test_a_label_map_of_classes_after_the_first_is_reduced():
    dataset = SimpleNamespace(reduce_zero_label=True,
                              label_map={0: 1, 1: 255, 2: 0})
    assert numbers_of_classes(dataset)[[0, 1, 2, 3, 4, 255]].tolist() == [
        255, 1, 255, 0, 3, 255]


def sample(counts, is_whole=True):
    pixels = np.bincount(list(counts), list(counts.values()), minlength=256)
    return MapSample(4, 4 if is_whole else 5, pixels.astype(int), {})


BACKGROUND = (
    'reduce_zero_label=True ignores label 0 of the files and makes label 1 '
    "the class 'bg'. Is 'bg' label 0? (the 4 label maps have {} pixels of "
    "label 0 and {} of 'c'.) Then set reduce_zero_label=False.")
ONE = ("the 4 label maps have pixels of one class only, 'bg' ({} of the "
       "pixels are ignored): a model that always says 'bg' gets an mIoU of "
       '100.')
SOME = ONE.replace('the 4 label maps', '4 of the 5 label maps, a sample')
ABSENT = '1 of the 3 classes have no pixel in the 4 label maps: c. '
LEARNT = (False, ABSENT + 'They cannot be learnt from these.')


@pytest.mark.parametrize('counts, settings, expected', [
    ({0: 1, 1: 1, 2: 1}, {}, []),
    ({0: 10, 1: 9, 255: 20}, {}, [
        LEARNT,
        (False, '51% of the pixels of the 4 label maps are ignored.')]),
    ({0: 10, 1: 9}, dict(training=False), [
        (False, ABSENT + 'mIoU leaves them out.')]),
    ({255: 7}, {}, [(True, 'all pixels of the 4 label maps are ignored.')]),
    ({0: 7, 255: 9}, dict(reduced=True), [
        (True, 'all pixels of the 4 label maps are ignored.' + _MASKS),
        (True, BACKGROUND.format(7, 0))]),
    ({0: 3, 255: 1}, {}, [(True, ONE.format('25%') + _MASKS)]),
    ({0: 3, 255: 1}, dict(is_whole=False), [
        (True, SOME.format('25%') + _MASKS)]),
    ({0: 3}, dict(is_whole=False), [(False, SOME.format('0%'))]),
    # Labels 0 to 2, counted from 1; labels 1 to 3, which may be meant.
    ({0: 5, 1: 5, 2: 5}, dict(reduced=True), [
        LEARNT, (True, BACKGROUND.format(5, 0))]),
    ({0: 5, 1: 5, 2: 5, 3: 2}, dict(reduced=True), [
        (False, BACKGROUND.format(5, 2))]),
])
def test_what_counts_say(counts, settings, expected):
    options = dict(reduced=False, training=True, is_whole=True)
    options.update(settings)
    numbers = np.arange(256)
    if options['reduced']:
        numbers = reduce_labels(numbers)
    found = list(judged(sample(counts, options.pop('is_whole')),
                        ('bg', 'b', 'c'), numbers, **options))
    assert found == expected
