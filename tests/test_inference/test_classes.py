import pytest
from mmengine.registry import DATASETS

from mmconvnextv2.inference.classes import contradiction, find_classes

RED, BLUE = (255, 0, 0), (0, 0, 255)
NAMES = tuple('abcdefghi')


@DATASETS.register_module()
class Animals:
    """A data set that declares two classes."""

    METAINFO = dict(classes=('cat', 'dog'), palette=[RED, BLUE])


def config(**metainfo):
    dataset = dict(type='Animals', metainfo=metainfo)
    return dict(
        default_scope='mmengine', test_dataloader=dict(dataset=dataset))


@pytest.mark.parametrize('cfg, meta, expected', [
    ({}, {}, {}),
    (config(), {}, dict(classes=('cat', 'dog'), palette=[RED, BLUE])),
    (config(classes='emu'), {}, dict(classes=('emu', ), palette=[RED])),
    (config(), dict(dataset_meta=dict(classes=['a'], palette=[BLUE])),
     dict(classes=('a', ), palette=[BLUE])),
    (config(), dict(CLASSES=('a', ), PALETTE=[RED], epoch=3),
     dict(classes=('a', ), palette=[RED])),
])
def test_the_checkpoint_goes_before_the_config(cfg, meta, expected):
    assert find_classes(cfg, meta) == expected


def test_classes_without_colours():
    found = find_classes({}, dict(dataset_meta=dict(classes=NAMES)))
    assert found == dict(classes=NAMES)
    assert find_classes({}, dict(CLASSES=NAMES)) == found


def test_a_palette_that_is_a_word_of_mmdet():
    given = dict(classes=('a', 'b'))
    assert find_classes({}, dict(dataset_meta=dict(given, palette='random'))
                        ) == find_classes({}, dict(dataset_meta=given))


@pytest.mark.parametrize('names, expected', [
    (None, ''), (['cat', 'dog'], ''),
    (['dog', 'cat'], 'The checkpoint names its classes dog, cat, and the '
     'config cat, dog. The names of the checkpoint are used.'),
    (['a'], 'The checkpoint names its classes a, and the config cat, dog. The '
     'names of the checkpoint are used.')])
def test_names_that_contradict_each_other(names, expected):
    meta = dict(dataset_meta=dict(classes=names)) if names else {}
    assert contradiction(config(), meta) == expected
    assert contradiction({}, meta) == ''
