"""Names and checks of architectures and output indices."""
import copy
import re

import pytest

from mmconvnextv2.models.backbones.arch import (
    ARCHS,
    Arch,
    resolve_arch,
    resolve_out_indices,
)

# Depths and channels of the papers, written out.
PAPERS = {
    'atto': ((2, 2, 6, 2), (40, 80, 160, 320)),
    'femto': ((2, 2, 6, 2), (48, 96, 192, 384)),
    'pico': ((2, 2, 6, 2), (64, 128, 256, 512)),
    'nano': ((2, 2, 8, 2), (80, 160, 320, 640)),
    'tiny': ((3, 3, 9, 3), (96, 192, 384, 768)),
    'small': ((3, 3, 27, 3), (96, 192, 384, 768)),
    'base': ((3, 3, 27, 3), (128, 256, 512, 1024)),
    'large': ((3, 3, 27, 3), (192, 384, 768, 1536)),
    'xlarge': ((3, 3, 27, 3), (256, 512, 1024, 2048)),
    'huge': ((3, 3, 27, 3), (352, 704, 1408, 2816)),
}


def test_archs_of_the_papers():
    assert {name: resolve_arch(name) for name in ARCHS} == PAPERS


@pytest.mark.parametrize('kind', [list, tuple])
@pytest.mark.parametrize('stages', [1, 2, 5, 6])
def test_own_arch(kind, stages):
    arch = dict(depths=kind(range(1, stages + 1)), channels=kind([7] * stages))
    before = copy.deepcopy(arch)
    assert resolve_arch(arch) == Arch(
        tuple(range(1, stages + 1)), (7, ) * stages)
    assert arch == before and type(arch['depths']) is kind


NUMBERS = 'must be a non-empty sequence of positive integers, got '


@pytest.mark.parametrize('arch, error, message', [
    ('Tiny', ValueError, f'arch must be one of {list(PAPERS)} or a dict with '
     "depths and channels, got 'Tiny'"),
    (3, TypeError,
     'arch must be a name or a dict with depths and channels, got int'),
    (dict(depths=[1]), ValueError, 'an arch dict must have the keys depths '
     "and channels, got ['depths']"),
    (dict(depths=[1], channels=[2], width=3), ValueError, 'an arch dict must '
     "have the keys depths and channels, got ['channels', 'depths', 'width']"),
    (dict(depths=[], channels=[]), ValueError, f'arch depths {NUMBERS}[]'),
    (dict(depths=[1, 0], channels=[2, 4]), ValueError,
     f'arch depths {NUMBERS}[1, 0]'),
    (dict(depths=[1], channels=[2.]), ValueError,
     f'arch channels {NUMBERS}[2.0]'),
    (dict(depths=2, channels=[2]), ValueError, f'arch depths {NUMBERS}2'),
    (dict(depths=[1, 1], channels=[2]), ValueError, 'arch depths and channels '
     'must have one entry per stage each, got [1, 1] and [2]'),
])
def test_refuses_arch(arch, error, message):
    with pytest.raises(error, match=f'^{re.escape(message)}$'):
        resolve_arch(arch)


@pytest.mark.parametrize('given, expected', [
    (-1, [3]), (0, [0]), ([0, 1, 2, 3], [0, 1, 2, 3]), ((-1, -2), [2, 3]),
    ((3, 0), [0, 3]), (range(2), [0, 1]), ([-4], [0])])
def test_out_indices(given, expected):
    before = copy.copy(given)
    assert resolve_out_indices(given, 4) == expected
    assert given == before


@pytest.mark.parametrize('given, stages, error, message', [
    (4, 4, ValueError,
     'out_indices must lie in [-4, 3] for 4 stages, got 4'),
    ((0, -3), 2, ValueError,
     'out_indices must lie in [-2, 1] for 2 stages, got (0, -3)'),
    ([], 4, ValueError,
     'out_indices must name at least one stage and none twice, got []'),
    ((3, -1), 4, ValueError,
     'out_indices must name at least one stage and none twice, got (3, -1)'),
    ('0', 4, TypeError,
     "out_indices must be an int or a sequence of ints, got '0'"),
    (1.5, 4, TypeError,
     'out_indices must be an int or a sequence of ints, got 1.5'),
    (['0'], 4, TypeError,
     "out_indices must be an int or a sequence of ints, got ['0']"),
])
def test_refuses_out_indices(given, stages, error, message):
    with pytest.raises(error, match=f'^{re.escape(message)}$'):
        resolve_out_indices(given, stages)
