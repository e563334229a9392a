import pytest
from PIL import Image

from mmconvnextv2.datasets.folder_seg import FolderSegDataset


def build(root, names, **settings):
    for name in names.split():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (4, 4)).save(root / name)
    dataset = FolderSegDataset(
        data_root=str(root), metainfo=dict(classes=('a', 'b')), **dict(dict(
            data_prefix=dict(img_path='x', seg_map_path='y')), **settings))
    return [[dataset.get_data_info(i)[key].replace(f'{root}/', '')
             for key in ('img_path', 'seg_map_path')]
            for i in range(len(dataset))]


def test_images_of_every_kind(tmp_path):
    assert build(tmp_path, 'x/b.JPG x/a.png x/s/c.jpeg x/d.tiff') == [
        ['x/a.png', 'y/a.png'], ['x/b.JPG', 'y/b.png'],
        ['x/d.tiff', 'y/d.png'], ['x/s/c.jpeg', 'y/s/c.png']]


def test_label_maps_in_the_same_folder(tmp_path):
    both = dict(data_prefix=dict(img_path='x', seg_map_path='x'))
    assert build(tmp_path, 'x/b.jpg x/b_map.png x/c.png x/c_map.png', **both,
                 seg_map_suffix='_map.png') == [
        ['x/b.jpg', 'x/b_map.png'], ['x/c.png', 'x/c_map.png']]


def test_list(tmp_path):
    (tmp_path / 'list.txt').write_text('b\n')
    assert build(tmp_path, 'x/a.jpg x/b.jpg', ann_file='list.txt') == [
        ['x/b.jpg', 'y/b.png']]


def test_two_images_of_one_label_map(tmp_path):
    with pytest.raises(ValueError, match=r'x/a.jpg and .*x/a.png would have '
                       r'the same label map, .*y/a.png$'):
        build(tmp_path, 'x/a.jpg x/a.png')
