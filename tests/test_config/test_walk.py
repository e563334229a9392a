from functools import partial

import pytest
from torch.optim import SGD

from mmconvnextv2.config.walk import parts, type_name


@pytest.mark.parametrize('kind, name', [
    ('CocoDataset', 'CocoDataset'),
    ('mmdet.CocoDataset', 'CocoDataset'),
    (SGD, 'SGD'),
    (partial(SGD, lr=1), 'SGD'),
    (partial(partial(SGD, lr=1), momentum=0), 'SGD'),
    ('', ''),
    (None, ''),
    (3, ''),
])
def test_name_of_a_type(kind, name):
    assert type_name(kind) == name
    assert type_name(dict(type=kind)) == name


def test_part_without_a_type_has_no_name():
    assert type_name(dict(a=1)) == type_name([1]) == ''


def test_parts_come_with_their_paths_from_the_outside_in():
    inner = dict(b=(dict(c=1), 2))
    tree = dict(a=[inner, 'x'])
    assert list(parts(tree)) == [('', tree), ('a[0]', inner),
                                 ('a[0].b[0]', dict(c=1))]
    assert list(parts(inner, 'x.y')) == [('x.y', inner),
                                         ('x.y.b[0]', dict(c=1))]
