"""Faults of label maps, in terms of the file."""
import numpy as np
import pytest

from mmconvnextv2.datasets.label_maps import fault_of_labels, reduce_labels


def test_reduced_as_mmseg_does_it():
    labels = np.array([[0, 1, 2, 150, 254, 255, 300]])
    assert reduce_labels(labels).tolist() == [[
        255, 0, 1, 149, 253, 255, 299
    ]]


@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_labels_that_fit(dtype):
    labels = np.array([[0, 4, 255]], dtype)
    assert fault_of_labels(labels, (1, 3), 5) is None
    assert fault_of_labels(labels, (1, 3), None) is None
    assert fault_of_labels(np.full((1, 3), 255, dtype), (1, 3), 5) is None


@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_label_out_of_range(dtype):
    labels = np.array([[0, 5, 255]], dtype)
    assert fault_of_labels(labels, (1, 3), 5) == (
        'it holds the label 5, while the 5 classes have the labels 0 to 4 '
        'and 255 is ignored (reduce_zero_label=False)')
    assert fault_of_labels(labels, (1, 3), 5, reduced=True) == (
        'it holds the label 6, while the 5 classes have the labels 1 to 5 '
        'and 0 and 255 are ignored (reduce_zero_label=True)')


def test_shapes():
    assert fault_of_labels(np.zeros((4, 3, 3), np.uint8), (4, 3), 5) == (
        'a label map has one number per pixel, this one has 3 (is it a '
        'picture in colours?)')
    assert fault_of_labels(np.zeros((4, 3), np.uint8), (3, 4), 5) == (
        'the label map has 3x4 pixels, its image 4x3')
