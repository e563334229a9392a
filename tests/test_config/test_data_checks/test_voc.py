"""Faults of annotations in VOC's format."""
import pytest
from mmengine.config import Config
from others_data import make_aircraft

from mmconvnextv2.config.data_checks import check_data
from mmconvnextv2.config.find import find_config
from mmconvnextv2.datasets import make_shapes

pytest.importorskip('mmdet')
_XML = 'Annotations/0000001.xml'


@pytest.fixture
def root(tmp_path, monkeypatch):
    """SAR-AIRcraft-1.0 in miniature."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data/SAR-AIRcraft-1.0'
    make_aircraft(root, make_shapes('shapes', num_train=4, num_val=2))
    return root


@pytest.fixture
def check(root):
    """Function that checks the recipe's data; returns faults and notes."""
    cfg = Config.fromfile(find_config('fasterrcnn_convnextv2_t_sar_aircraft'))

    def checked(split='train', **settings):
        cfg.merge_from_dict(settings)
        return [[x.replace('data/SAR-AIRcraft-1.0', 'SAR') for x in lines]
                for lines in check_data(cfg, (split, ))]

    return checked


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_sound_annotations(check, split):
    assert check(split) == [[], []]


@pytest.mark.parametrize('old, new, fault', [
    ('</annotation>', '', 'no element found: line 1, column '),
    ('<width>', '<wide>', 'mismatched tag: line 1, column '),
    ('<size>', '<size><width>a</width>', "invalid literal for int() with base "
     "10: 'a'"),
    ('<xmin>', '<xmin>-9</xmin><x>', 'mismatched tag'),
    ('ymax', 'bottom', "float() argument must be a string or a real number, "
     "not 'NoneType'"),
])
def test_xml_that_is_none(check, root, old, new, fault):
    change(root / _XML, old, new)
    (found, ), _ = check()
    assert found.startswith(f'SAR/{_XML}: is not as VOC has it: {fault}')


def test_a_box_without_area(check, root):
    change(root / _XML, '<xmin>', '<xmin>9')
    (found, ), _ = check()
    assert f'SAR/{_XML}: is not as VOC has it: a box from (9' in found


def test_names_that_are_not_classes(check, root):
    for path in (root / 'Annotations').glob('*.xml'):
        path.write_text(path.read_text().replace('>A220<', '>a220<'))
    (fault, ), _ = check()
    assert 'objects have names that metainfo.classes lacks and are' in fault
    assert 'left out: a220; of its classes there are no A220' in fault
    faults, (note, ) = check('val')
    assert faults == [] and 'left out: a220' in note


def test_no_objects(check, root):
    for path in (root / 'Annotations').glob('*.xml'):
        path.write_text('<annotation/>')
    assert check() == [[
        'SAR/ImageSets/Main/train.txt: its annotations hold no object'], []]


def test_lists_and_heads(check, root):
    names = root / 'ImageSets/Main/train.txt'
    names.write_text('0000001\n0000001\n')
    assert check(**{'model.roi_head.bbox_head.num_classes': 6}) == [[
        'model.roi_head.bbox_head.num_classes is 6, and metainfo has 7 '
        'classes: A220, A320/321, A330, ARJ21, Boeing737, Boeing787 and 1 '
        'more',
        'SAR/ImageSets/Main/train.txt: has several times 0000001'], []]


def test_missing_files(check, root):
    (root / 'JPEGImages/0000002.jpg').unlink()
    (root / _XML).unlink()
    assert check() == [[
        'SAR/ImageSets/Main/train.txt: 2 of its images and annotations are '
        f'not in SAR/: JPEGImages/0000002.jpg, {_XML}'], []]
