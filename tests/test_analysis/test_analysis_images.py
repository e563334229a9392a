import numpy as np
import pytest
from analysis_toy import write_class_folders

from mmconvnextv2.analysis import batches, find_images
from mmconvnextv2.images import read_centre


def names(images, folder):
    return [x.relative_to(folder).as_posix() for x in images.paths]


def test_folders_are_classes(tmp_path):
    folder = write_class_folders(tmp_path / 'images')
    (folder / 'a' / 'notes.txt').touch()
    (folder / '0.PNG').write_bytes((folder / 'a' / '0.png').read_bytes())
    found = find_images(folder)
    assert names(found, folder) == [
        '0.PNG', 'a/0.png', 'a/1.png', 'a/2.png', 'b/0.png', 'b/1.png']
    assert found.classes == ['', 'a', 'b']
    assert found.labels == [0, 1, 1, 1, 2, 2]
    assert find_images(found.paths[2]) == ([found.paths[2]], [0], [''])


@pytest.mark.parametrize('count, expected', [
    (1, ['a/0.png']),
    (3, ['a/0.png', 'a/2.png', 'b/1.png']),
    (9, ['a/0.png', 'a/1.png', 'a/2.png', 'b/0.png', 'b/1.png']),
])
def test_some_of_them_are_spread_evenly(tmp_path, count, expected):
    folder = write_class_folders(tmp_path)
    assert names(find_images(folder, count), folder) == expected


def test_max_images_must_be_positive(tmp_path):
    with pytest.raises(
            ValueError, match='^max_images must be positive, got 0$'):
        find_images(tmp_path, 0)


def test_stream_keeps_order_and_labels(tmp_path):
    images = find_images(write_class_folders(tmp_path))
    read = []

    def preprocess(x):
        read.append(x)
        return x.float() + 1

    stream = batches(images, preprocess, size=16, batch_size=2)
    assert read == []  # nothing before it is asked for
    found = [next(stream)]
    assert len(read) == 1
    found += stream
    assert [len(x.inputs) for x in found] == [2, 2, 1]
    assert [x.labels.tolist() for x in found] == [[0, 0], [0, 1], [1]]
    expected = read_centre(images.paths[4], 16).transpose(2, 0, 1)[None] + 1.
    np.testing.assert_array_equal(found[2].inputs.numpy(), expected)
