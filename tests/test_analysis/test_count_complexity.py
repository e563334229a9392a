"""Counting parameters and multiply-adds, against a count by hand."""
import pytest
from mmengine.config import Config

from mmconvnextv2.analysis.complexity import count_complexity

pytest.importorskip('mmpretrain')

# One block of 8 channels behind a stem that makes 2x2 sites of 8x8 pixels.
_STEM = 5 * 4 * 4 * 8
_BLOCK = 49 * 8 + 2 * 8 * 32


def classifier(**changes):
    backbone = dict(
        type='mmconvnextv2.ConvNeXtV2', arch=dict(depths=[1], channels=[8]),
        in_channels=5, gap_before_final_norm=False)
    model = dict(type='ImageClassifier', backbone=backbone, **changes)
    return Config(dict(default_scope='mmpretrain', model=model))


def test_by_hand():
    found = count_complexity(classifier(), (8, 8))
    assert found.multiply_adds == 4 * (_STEM + _BLOCK)
    assert found.by_part == dict(backbone=found.multiply_adds)
    norms, biases, grn = 3 * 2 * 8, 8 + 8 + 32 + 8, 2 * 32
    assert found.parameters == _STEM + _BLOCK + norms + biases + grn


def test_parts_are_those_called():
    head = dict(type='LinearClsHead', num_classes=3, in_channels=8)
    found = count_complexity(
        classifier(neck=dict(type='GlobalAveragePooling'), head=head), (8, 8))
    assert found.by_part == {
        'backbone': 4 * (_STEM + _BLOCK),
        'head': 8 * 3,
    }
