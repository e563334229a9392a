"""What the data sets of our configs, and of users', are checked for."""
import mmdet.datasets
import mmseg.datasets
import pytest
from mmengine.config import Config
from mmpretrain.datasets import CustomDataset
from mmpretrain.registry import DATASETS
from PIL import Image

from mmconvnextv2.config.data_checks import (
    _check_of,
    check_classes,
    check_coco,
    check_data,
    check_label_maps,
)
from mmconvnextv2.config.find import configs_folder
from mmconvnextv2.datasets import make_shapes
from mmconvnextv2.errors import data_error

SPLITS = ('train', 'val', 'test')
CONFIGS = ('fcmae_convnextv2_a_shapes', 'convnextv2_a_ft_shapes',
           'upernet_convnextv2_a_shapes', 'maskrcnn_convnextv2_a_shapes')


@pytest.fixture(scope='module')
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sound')
    make_shapes(folder / 'data' / 'shapes', num_train=5, num_val=5)
    return folder


def load(name):
    return Config.fromfile(configs_folder() / f'{name}.py')


@pytest.mark.parametrize('name', CONFIGS)
def test_shapes_are_sound(shapes, monkeypatch, name):
    monkeypatch.chdir(shapes)
    assert check_data(load(name), SPLITS) == ([], [])


def test_labels_of_ade20k_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data' / 'ade' / 'ADEChallengeData2016'
    for part in ('training', 'validation'):
        for kind in ('images', 'annotations'):
            (root / kind / part).mkdir(parents=True)
        Image.new('RGB', (6, 4)).save(root / 'images' / part / 'a.jpg')
        Image.new('L', (6, 4), 151).save(root / 'annotations' / part / 'a.png')
    problems, _ = check_data(load('upernet_convnextv2_t_ade20k'), SPLITS)
    assert [x.partition(': ')[2] for x in problems] == 2 * [
        'it holds the label 151, while the 150 classes have the labels 1 to '
        '150 and 0 and 255 are ignored (reduce_zero_label=True)'
    ]


def test_message_names_ten_faults():
    lines = str(data_error([f'fault {i}' for i in range(13)])).splitlines()
    assert lines == ['the data cannot be used, 13 faults:',
                     *(f'  fault {i}' for i in range(10)), '  and 3 more']


def test_what_is_not_known_is_not_checked():
    for dataset in (dict(type='ToyDataset', ann_file='x'),
                    dict(type='mmdet.CocoDataset', ann_file=5),
                    dict(type='CocoDataset', ann_file='x',
                         backend_args=dict(backend='petrel')),
                    dict(type='mmdet.BaseSegDataset'), None):
        cfg = dict(train_dataloader=dict(dataset=dataset))
        assert check_data(cfg, SPLITS) == ([], [])


class _Balloons(mmdet.datasets.CocoDataset):
    METAINFO = dict(classes=('balloon', ))


class _Lists(CustomDataset):

    def load_data_list(self):
        """Read lists of another form."""


@pytest.mark.parametrize('kind, check', [
    (_Balloons, check_coco), (mmdet.datasets.DeepFashionDataset, check_coco),
    (mmdet.datasets.LVISV1Dataset, None), (_Lists, None),
    (mmdet.datasets.CocoPanopticDataset, None),
    (CustomDataset, check_classes), (mmseg.datasets.LIPDataset,
                                     check_label_maps), (None, None)])
def test_types_that_read_the_same_files(kind, check):
    assert _check_of(kind) is check


class _Odd(mmseg.datasets.BaseSegDataset):

    def load_data_list(self):
        return [dict(image='a.png')]


def test_own_type_that_cannot_be_checked():
    dataset = dict(type=_Odd, metainfo=dict(classes=('a', 'b')))
    cfg = dict(train_dataloader=dict(dataset=dataset))
    assert check_data(cfg, SPLITS) == (
        [], ["_Odd of train_dataloader cannot be checked: "
             "KeyError('img_path')"])


def test_own_type_of_coco(shapes, monkeypatch):
    monkeypatch.chdir(shapes)
    cfg = load('maskrcnn_convnextv2_a_shapes')
    cfg.train_dataloader.dataset.update(type=_Balloons, metainfo=None)
    (fault, ), _ = check_data(cfg, ('train', ))
    assert ('1 of the 1 classes are not among its categories: balloon; these '
            'are circle, cross, square, star, triangle. ') in fault


def test_data_sets_under_another_name(shapes, monkeypatch):
    class Ours(CustomDataset):
        """A project's, registered under the name of mmpretrain's."""

    monkeypatch.chdir(shapes)
    monkeypatch.setitem(DATASETS.module_dict, 'CustomDataset', Ours)
    cfg = load('fcmae_convnextv2_a_shapes')
    assert check_data(cfg, ('train', )) == ([], [])
